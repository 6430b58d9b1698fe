package mail

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	texttemplate "text/template"
	"unicode"

	"golang.org/x/text/language"
)

// frame is what all HTML letters have around them.
const frame = "frame.html.tmpl"

//go:embed templates
var embedded embed.FS

// Letters are the templates of all letters, in each language that there is a
// folder of.
type Letters struct {
	fallback string           // the locale of those for whom there is no other
	folders  []string         // the first is that of the fallback
	matcher  language.Matcher // by folders
	sets     map[string]map[string]letter
}

type letter struct {
	text *texttemplate.Template // with a block named subject
	html *htmltemplate.Template // nil: text only
}

// BuiltIn are Till's own letters, English where nothing else is asked for.
var BuiltIn = sync.OnceValue(func() *Letters {
	l, err := Load("", "en")
	if err != nil {
		panic(err) // tests load them
	}
	return l
})

// Load reads the letters. Files in dir go before the built-in ones of the same
// name, such as de/order_paid.html.tmpl; a folder of another language must hold
// every letter to customers. Without dir all are built in. locale is that of whom
// nothing is known of.
//
// Every template is tried with examples and each name in it is looked up: the
// error lists all faults, each with its file and line.
func Load(dir, locale string) (*Letters, error) {
	builtIn, err := fs.Sub(embedded, "templates")
	if err != nil {
		return nil, err
	}
	files, err := readTemplates(builtIn)
	if err != nil {
		return nil, err
	}
	var faults []error
	if dir != "" {
		own, err := readTemplates(os.DirFS(dir))
		if err != nil {
			return nil, fmt.Errorf("read the mail templates: %w", err)
		}
		for name, err := range misplaced(own) {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
		maps.Copy(files, own)
	}
	l := &Letters{sets: map[string]map[string]letter{}}
	if l.fallback, err = ParseLocale(locale); err != nil {
		return nil, fmt.Errorf("the locale %q %w", locale, err)
	}
	for _, folder := range foldersOf(files) {
		set, errs := parseFolder(files, folder)
		l.sets[folder], faults = set, append(faults, errs...)
	}
	if len(faults) > 0 {
		slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		return nil, errors.Join(faults...)
	}
	return l, l.match()
}

// match prepares the choice of a folder by locale.
func (l *Letters) match() error {
	all := slices.Sorted(maps.Keys(l.sets))
	_, i, confidence := language.NewMatcher(tags(all)).Match(language.Make(l.fallback))
	if confidence == language.No {
		return fmt.Errorf("there are no mails in %s: the languages are %s", l.fallback, strings.Join(all, ", "))
	}
	l.folders = slices.Insert(slices.Delete(slices.Clone(all), i, i+1), 0, all[i])
	l.matcher = language.NewMatcher(tags(l.folders))
	return nil
}

func tags(folders []string) []language.Tag {
	var out []language.Tag
	for _, f := range folders {
		out = append(out, language.Make(f))
	}
	return out
}

// Languages are those that there are letters in, sorted.
func (l *Letters) Languages() []string { return slices.Sorted(slices.Values(l.folders)) }

// Locale is the one that a letter for somebody who wants this one is written in:
// the same if there are letters in its language. Empty: nothing is known of them.
func (l *Letters) Locale(wanted string) string {
	if _, ok := l.folder(wanted); !ok {
		return l.fallback
	}
	return wanted
}

func (l *Letters) folder(locale string) (string, bool) {
	tag, err := language.Parse(locale)
	if locale == "" || err != nil {
		return l.folders[0], false
	}
	_, i, confidence := l.matcher.Match(tag)
	return l.folders[i], confidence != language.No
}

// longestAcceptLanguage is what is read of an Accept-Language; a browser's has a
// tenth of it.
const longestAcceptLanguage = 1000

// Preferred is the locale that an Accept-Language likes best among those that
// there are letters in; empty where it says nothing, or nothing that can be read.
func (l *Letters) Preferred(acceptLanguage string) string {
	if len(acceptLanguage) > longestAcceptLanguage {
		return ""
	}
	liked, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil {
		return ""
	}
	for _, tag := range liked {
		locale := plain(tag)
		if _, ok := l.folder(locale); ok && locale != "" {
			return locale
		}
	}
	return ""
}

// Render writes the letter of this kind in a locale. data is the JSON of the kind's
// struct. The message still needs From, To and MessageID.
func (l *Letters) Render(kind, locale string, data []byte) (Message, error) {
	k, ok := kinds[kind]
	if !ok {
		return Message{}, fmt.Errorf("there is no letter %q", kind)
	}
	v := k.data()
	if err := json.Unmarshal(data, v); err != nil {
		return Message{}, fmt.Errorf("letter %s: %w", kind, err)
	}
	folder, _ := l.folder(locale)
	if k.staff {
		folder = staffLanguage
	}
	m, err := l.sets[folder][kind].render(v)
	if err != nil {
		return Message{}, fmt.Errorf("letter %s: %w", kind, err)
	}
	return m, nil
}

func (t letter) render(v any) (Message, error) {
	var subject, text, html bytes.Buffer
	if err := t.text.ExecuteTemplate(&subject, "subject", v); err != nil {
		return Message{}, err
	}
	if err := t.text.Execute(&text, v); err != nil {
		return Message{}, err
	}
	if t.html != nil {
		if err := t.html.Execute(&html, v); err != nil {
			return Message{}, err
		}
	}
	m := Message{Subject: line(subject.String()), Text: strings.TrimLeft(text.String(), "\n"), HTML: html.String()}
	if m.Subject == "" {
		return Message{}, fmt.Errorf("%s: the subject is empty", t.text.Name())
	}
	return m, nil
}

// readTemplates reads the templates in a folder and its folders, by path.
func readTemplates(dir fs.FS) (map[string]string, error) {
	files := map[string]string{}
	for _, pattern := range []string{"*.tmpl", "*/*.tmpl"} {
		names, err := fs.Glob(dir, pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			text, err := fs.ReadFile(dir, name)
			if err != nil {
				return nil, err
			}
			files[name] = string(text)
		}
	}
	if _, err := fs.Stat(dir, "."); err != nil {
		return nil, err
	}
	return files, nil
}

// misplaced finds files whose name is none of a letter: their owner would wait in
// vain for them to be used.
func misplaced(own map[string]string) map[string]error {
	out := map[string]error{}
	for name := range own {
		folder, file := path.Split(name)
		folder = strings.TrimSuffix(folder, "/")
		switch {
		case folder == "" && file == frame:
		case folder == "":
			out[name] = fmt.Errorf("is used nowhere: beside the folders of languages only %s is", frame)
		case language.Make(folder).String() != folder || folder == "und":
			out[name] = fmt.Errorf("the folder's name is no language, such as de or pt-BR")
		case !slices.Contains(fileNames(folder), file):
			out[name] = fmt.Errorf("is no mail's name: those are %s", strings.Join(fileNames(folder), ", "))
		}
	}
	return out
}

// fileNames are those that a language's folder has.
func fileNames(folder string) (names []string) {
	for _, kind := range Kinds() {
		if kinds[kind].staff && folder != staffLanguage {
			continue
		}
		names = append(names, kind+".txt.tmpl", kind+".html.tmpl")
	}
	return names
}

func foldersOf(files map[string]string) []string {
	var out []string
	for name := range files {
		if folder := path.Dir(name); folder != "." && language.Make(folder).String() == folder {
			out = append(out, folder)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// parseFolder reads the letters of one language and tries them.
func parseFolder(files map[string]string, folder string) (map[string]letter, []error) {
	set := map[string]letter{}
	var faults []error
	for _, kind := range Kinds() {
		if kinds[kind].staff && folder != staffLanguage {
			continue
		}
		l, errs := parseLetter(files, folder, kind)
		if len(errs) == 0 {
			errs = l.try(kind)
		}
		set[kind], faults = l, append(faults, errs...)
	}
	return set, faults
}

func parseLetter(files map[string]string, folder, kind string) (l letter, faults []error) {
	functions := map[string]any{"line": line, "link": link, "lang": func() string { return folder }}
	read := func(name string) string {
		text, ok := files[name]
		if !ok {
			faults = append(faults, fmt.Errorf("%s is missing: the folder of a language has all mails", name))
		}
		return text
	}
	name := folder + "/" + kind
	text, html := read(name+".txt.tmpl"), read(name+".html.tmpl")
	if len(faults) > 0 {
		return letter{}, faults
	}
	var err error
	if l.text, err = texttemplate.New(name + ".txt.tmpl").Funcs(functions).Option("missingkey=error").Parse(text); err != nil {
		faults = append(faults, inTemplate(err))
	}
	l.html, err = htmltemplate.New(frame).Funcs(functions).Option("missingkey=error").Parse(read(frame))
	if err != nil {
		return l, append(faults, inTemplate(err))
	}
	if _, err = l.html.New(name + ".html.tmpl").Parse(html); err != nil {
		faults = append(faults, inTemplate(err))
	}
	return l, faults
}

// templateError is how the template packages begin, which says nothing here.
var templateError = regexp.MustCompile(`^(html/)?template: ?`)

func inTemplate(err error) error { return errors.New(templateError.ReplaceAllString(err.Error(), "")) }

// line makes one line of s: a name must not be able to write further lines of
// the letter, nor turn the writing around (Unicode's bidi controls).
func line(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r) || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 200 {
		s = string(r[:199]) + "…"
	}
	return s
}

// link is an address of the web, whole, or nothing.
func link(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return u.String()
}
