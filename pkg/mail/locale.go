package mail

import (
	"errors"
	"time"

	"github.com/goodsign/monday"
	"golang.org/x/text/language"
)

var errLocale = errors.New("is no language tag (BCP 47), such as de or de-AT")

// ParseLocale reads a BCP 47 tag. What comes back has language, script and region
// alone, in their usual case: what else a tag may hold changes no letter.
func ParseLocale(s string) (string, error) {
	tag, err := language.Parse(s)
	if err != nil {
		return "", errLocale
	}
	locale := plain(tag)
	if locale == "" {
		return "", errLocale
	}
	return locale, nil
}

// plain is empty for a tag that names no language.
func plain(tag language.Tag) string {
	base, script, region := tag.Raw()
	out, err := language.Raw.Compose(base, script, region)
	if err != nil || base.String() == "und" || base.String() == "mul" {
		return ""
	}
	return out.String()
}

var (
	dated   = monday.ListLocales()
	datedBy = language.NewMatcher(datedTags())
)

func datedTags() []language.Tag {
	var out []language.Tag
	for _, l := range dated {
		out = append(out, language.Make(string(l)))
	}
	return out
}

// Date writes a moment out as people of a locale do, in UTC.
func Date(locale string, t time.Time) string { return Day(locale, t) + t.UTC().Format(", 15:04 UTC") }

// Day is the day of a moment, as Date writes it.
func Day(locale string, t time.Time) string {
	as := monday.Locale(monday.LocaleEnGB) // English without a country is nobody's own: day before month, in words
	if tag := language.Make(locale); tag != language.English {
		_, i, confidence := datedBy.Match(tag)
		if confidence < language.High {
			return t.UTC().Format(time.DateOnly)
		}
		as = dated[i]
	}
	return monday.Format(t.UTC(), monday.LongFormatsByLocale[as], as)
}
