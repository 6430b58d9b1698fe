package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"till/pkg/auth"
)

type keysCommand struct {
	Create keysCreate `cmd:"" help:"Make a key and show it, this once."`
	List   keysList   `cmd:"" help:"List all keys, with their scopes and last use."`
	Revoke keysRevoke `cmd:"" help:"End a key, at once and for good."`
}

type keysCreate struct {
	database
	Name  string   `required:"" placeholder:"NAME" help:"What the key is for, such as \"shop backend\"."`
	Scope []string `required:"" placeholder:"SCOPE" help:"What it may do, comma-separated or repeated."`
	JSON  bool     `help:"Print JSON."`
}

func (keysCreate) Help() string {
	return `Your backend sends the key as "Authorization: Bearer till_sk_…". Till keeps only its hash: a key that is lost is made anew. Keep it out of browsers and apps.

Scopes:

  orders:read     find and see everyone's orders, their refunds, disputes, timelines and notes
  orders:write    make orders for a user, with lines and prices of your own, cancel orders, and note to them
  payments:read   find and see everyone's payments and their timelines
  payments:write  cancel everyone's payments
  refunds:write   refund what orders have taken
  disputes:write  answer disputes, or accept them
  webhooks:write  say where your backend is told of events; whoever has it can have everyone's orders sent somewhere
  staff           what is open to staff, such as the webhook inbox

Users need no key and no scope for what is theirs; a user whose JWT has "staff" in scope or scp is staff too.`
}

// seenKey is a key as --json prints it.
type seenKey struct {
	ID         string     `json:"id"`
	Token      string     `json:"token,omitempty"` // only when it was made
	Name       string     `json:"name"`
	Scopes     []string   `json:"scopes"`
	CreatedAt  time.Time  `json:"createdAt"`
	LastUsedAt *time.Time `json:"lastUsedAt,omitempty"`
	RevokedAt  *time.Time `json:"revokedAt,omitempty"`
}

func viewKey(k auth.ServerKey, token string) seenKey {
	v := seenKey{ID: k.ID, Token: token, Name: k.Name, Scopes: k.Scopes, CreatedAt: k.CreatedAt}
	if !k.LastUsedAt.IsZero() {
		v.LastUsedAt = &k.LastUsedAt
	}
	if !k.RevokedAt.IsZero() {
		v.RevokedAt = &k.RevokedAt
	}
	return v
}

// keys hands the keys of the named database to f.
func (d *database) keys(ctx context.Context, f func(*auth.Keys) error) error {
	db, err := d.openReady(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	return f(auth.NewKeys(db, time.Now, nil))
}

func (c *keysCreate) Run(ctx context.Context) error {
	return c.keys(ctx, func(keys *auth.Keys) error {
		key, token, err := keys.Create(ctx, c.Name, c.Scope)
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(viewKey(key, token))
		}
		fmt.Printf("%s\n\n%s (%s) may: %s\nIt is shown this once. End it by `till keys revoke %s`.\n",
			token, key.Name, key.ID, strings.Join(key.Scopes, ", "), key.ID)
		return nil
	})
}

type keysList struct {
	database
	JSON bool `help:"Print JSON."`
}

func (c *keysList) Run(ctx context.Context) error {
	return c.keys(ctx, func(keys *auth.Keys) error {
		all, err := keys.List(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			views := make([]seenKey, len(all))
			for i, k := range all {
				views[i] = viewKey(k, "")
			}
			return printJSON(views)
		}
		if len(all) == 0 {
			fmt.Println("There are no keys. Make one by `till keys create`.")
			return nil
		}
		t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "ID\tNAME\tSCOPES\tCREATED\tLAST USED\tREVOKED")
		for _, k := range all {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, strings.Join(k.Scopes, ","), moment(k.CreatedAt), moment(k.LastUsedAt), moment(k.RevokedAt))
		}
		return t.Flush()
	})
}

type keysRevoke struct {
	database
	ID   string `arg:"" help:"The key's id (key_…), or of a token that has leaked what you have of it (till_sk_…)."`
	JSON bool   `help:"Print JSON."`
}

func (c *keysRevoke) Run(ctx context.Context) error {
	return c.keys(ctx, func(keys *auth.Keys) error {
		key, err := keys.Revoke(ctx, c.ID)
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(viewKey(key, ""))
		}
		fmt.Printf("%s (%s) is revoked since %s.\n", key.Name, key.ID, moment(key.RevokedAt))
		return nil
	})
}

// moment is a time as a list shows it; a dash for never.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func printJSON(v any) error {
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
