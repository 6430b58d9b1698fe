// Package mail renders Till's letters and hands them to a mail server, or to the
// demo's mailbox.
//
// A letter keeps the Message-ID that its caller gave it, so a repeat after a
// crash is recognizable as the same one. Addresses, names and headers with line
// breaks in them are refused. Errors never hold an address, since they are logged.
// Letters stand in templates/, one folder a language; what they show is one
// struct each.
package mail
