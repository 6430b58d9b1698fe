package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"till/pkg/config"
	"till/pkg/mail"
	"till/pkg/money"
	"till/pkg/store"
)

type mailCommand struct {
	Preview mailPreview `cmd:"" help:"Render every mail with example data, to see your templates."`
	Test    mailTest    `cmd:"" help:"Send one mail with example data through your mail server."`
}

// letterSettings are those of the server that decide how mails look.
type letterSettings struct {
	MailTemplates string `name:"mail-templates" type:"path" env:"TILL_MAIL_TEMPLATES" help:"Folder of mail templates that go before the built-in ones."`
	DefaultLocale string `name:"default-locale" env:"TILL_LOCALE" default:"en" hidden:""`
	ShopName      string `name:"shop-name" env:"TILL_SHOP_NAME" default:"Shop" help:"Name of the shop in mails."`
	Currency      string `name:"currency" env:"TILL_CURRENCY" default:"usd" help:"Currency of the examples."`
}

func (s *letterSettings) load() (*mail.Letters, mail.Example, error) {
	letters, err := mail.Load(s.MailTemplates, s.DefaultLocale)
	if err != nil {
		return nil, mail.Example{}, fmt.Errorf("mails are to be mended:\n%w", err)
	}
	currency, err := money.ParseCurrency(s.Currency)
	return letters, mail.Example{Shop: s.ShopName, Currency: currency}, err
}

type mailPreview struct {
	letterSettings
	Kinds  []string `arg:"" optional:"" name:"kind" help:"Which mails; all if none is named."`
	Locale []string `placeholder:"LOCALE" help:"In which locales, such as de or en-GB; default each language that there are mails in."`
	Out    string   `type:"path" placeholder:"DIR" default:"mail-preview" help:"Folder to write the files to (default mail-preview)."`
	Serve  bool     `help:"Show them in the browser instead, and read the templates anew at each look."`
	Addr   string   `default:"127.0.0.1:4243" help:"Where --serve listens."`
}

func (mailPreview) Help() string {
	return `Mails: ` + strings.Join(mail.Kinds(), ", ") + `. Some have variants, which are numbered.

Start with --serve, change the files in TILL_MAIL_TEMPLATES, and reload the page. A template that does not fit is shown with its file and line; ` + "`till serve`" + ` would not start with it.`
}

// Run writes the files, or shows them.
func (c *mailPreview) Run(ctx context.Context) error {
	if c.Serve {
		return c.show(ctx)
	}
	pages, err := c.render()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Out, 0o750); err != nil {
		return err
	}
	for _, p := range append(pages, page{Name: "index.html", Body: previewIndex(pages)}) {
		if err := os.WriteFile(filepath.Join(c.Out, p.Name), p.Body, 0o600); err != nil {
			return err
		}
	}
	fmt.Printf("%d files are in %s. Open %s in a browser.\n", len(pages)+1, c.Out, filepath.Join(c.Out, "index.html"))
	return nil
}

// page is a file of the preview.
type page struct {
	Name    string
	Subject string
	Body    []byte
}

func (c *mailPreview) render() ([]page, error) {
	letters, example, err := c.load()
	if err != nil {
		return nil, err
	}
	kinds, locales := c.Kinds, c.Locale
	if len(kinds) == 0 {
		kinds = mail.Kinds()
	}
	if len(locales) == 0 {
		locales = letters.Languages()
	}
	var out []page
	for _, kind := range kinds {
		if !slices.Contains(mail.Kinds(), kind) {
			return nil, fmt.Errorf("there is no mail %q: those are %s", kind, strings.Join(mail.Kinds(), ", "))
		}
		for _, locale := range locales {
			if example.Locale, err = mail.ParseLocale(locale); err != nil {
				return nil, fmt.Errorf("--locale: %q %w", locale, err)
			}
			if kind == mail.StaffNoticeLetter { // it is the same in all
				if locale != locales[0] {
					continue
				}
				example.Locale = "en"
			}
			messages, err := letters.Examples(kind, example)
			if err != nil {
				return nil, err
			}
			for i, m := range messages {
				name := fmt.Sprintf("%s.%d.%s", kind, i+1, example.Locale)
				out = append(out, page{name + ".html", m.Subject, []byte(m.HTML)}, page{name + ".txt", m.Subject, []byte("Subject: " + m.Subject + "\n\n" + m.Text)})
			}
		}
	}
	return out, nil
}

var previewTemplate = template.Must(template.New("preview").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>Till's mails</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}td{padding:.2rem 1rem .2rem 0;vertical-align:top}</style></head>
<body><h1>Mails</h1><table>{{range .}}<tr><td><a href="{{.Name}}">{{.Name}}</a></td><td>{{.Subject}}</td></tr>
{{end}}</table></body></html>
`))

func previewIndex(pages []page) []byte {
	var b bytes.Buffer
	if err := previewTemplate.Execute(&b, pages); err != nil {
		panic(err) // a table of strings
	}
	return b.Bytes()
}

// show serves the preview until ctx ends.
func (c *mailPreview) show(ctx context.Context) error {
	if _, err := c.render(); err != nil { // also a kind that there is not
		fmt.Fprintln(os.Stderr, "till: "+err.Error())
	}
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("--addr: %w", err)
	}
	server := &http.Server{Handler: nearbyOnly(c.pages()), ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	fmt.Printf("The mails are at %s. Stop with Ctrl-C.\n", browsable(listener))
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (c *mailPreview) pages() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pages, err := c.render()
		if err != nil {
			writePage(w, http.StatusInternalServerError, "text/plain; charset=utf-8", []byte(err.Error()+"\n"))
			return
		}
		name := strings.TrimPrefix(r.URL.Path, "/")
		if name == "" {
			writePage(w, http.StatusOK, "text/html; charset=utf-8", previewIndex(pages))
			return
		}
		i := slices.IndexFunc(pages, func(p page) bool { return p.Name == name })
		switch {
		case i < 0:
			http.NotFound(w, r)
		case strings.HasSuffix(name, ".txt"):
			writePage(w, http.StatusOK, "text/plain; charset=utf-8", pages[i].Body)
		default:
			writePage(w, http.StatusOK, "text/html; charset=utf-8", pages[i].Body)
		}
	})
}

type mailTest struct {
	letterSettings
	To       string        `required:"" placeholder:"ADDRESS" help:"Who gets it."`
	Kind     string        `default:"order_paid" placeholder:"KIND" help:"Which mail (default order_paid)."`
	Locale   string        `placeholder:"LOCALE" help:"In which locale; default TILL_LOCALE."`
	SMTPURL  config.Secret `name:"smtp-url" env:"TILL_SMTP_URL" help:"Mail server, smtp:// or smtps://."`
	MailFrom string        `name:"mail-from" env:"TILL_MAIL_FROM" help:"Sender of mails."`
}

// Run sends one letter as the server would.
func (c *mailTest) Run(ctx context.Context) error {
	conf := config.Config{SMTPURL: c.SMTPURL}
	if err := conf.ReadFiles(map[string]string{"TILL_SMTP_URL_FILE": os.Getenv("TILL_SMTP_URL_FILE")}); err != nil {
		return err
	}
	if conf.SMTPURL == "" || c.MailFrom == "" {
		return errors.New("which mail server, and who is the sender? Set TILL_SMTP_URL and TILL_MAIL_FROM")
	}
	server, err := mail.NewSMTP(string(conf.SMTPURL))
	if err != nil {
		return fmt.Errorf("TILL_SMTP_URL: %w", err)
	}
	letters, example, err := c.load()
	if err != nil {
		return err
	}
	if example.Locale, err = mail.ParseLocale(cmp.Or(c.Locale, c.DefaultLocale)); err != nil {
		return fmt.Errorf("--locale: %q %w", c.Locale, err)
	}
	messages, err := letters.Examples(c.Kind, example)
	if err != nil {
		return fmt.Errorf("--kind: %w; those are %s", err, strings.Join(mail.Kinds(), ", "))
	}
	m := messages[0]
	m.From, m.To, m.MessageID = c.MailFrom, c.To, mail.MessageID(store.NewID("test_"), c.MailFrom)
	if err := server.Send(ctx, m); err != nil {
		return err
	}
	fmt.Println("The mail server has taken the mail. It says nothing of whether it arrives.")
	return nil
}
