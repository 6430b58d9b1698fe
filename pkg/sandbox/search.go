package sandbox

import (
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"till/pkg/sandbox/internal/spec"
)

// maxClauses is how many clauses Stripe takes in one query.
const maxClauses = 10

// searchQuery is a query in Stripe's search language: clauses that all have to
// match, or any of them.
type searchQuery struct {
	clauses []clause
	any     bool
}

// clause is one condition: -metadata["colour"]:"blue".
type clause struct {
	negated  bool
	field    string // metadata's key stands in key
	key      string
	operator string // : ~ > < >= <=
	value    string
	null     bool // the field is not set
}

// A value stands in quotes of either kind, or is a bare number or null.
var (
	clauseForm = regexp.MustCompile(`^(-?)(?:metadata\[("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\]|([A-Za-z_][\w.]*))(:|~|>=|<=|>|<)("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|-?[0-9.]+|(?i:null))(?:\s+|$)`)
	joinForm   = regexp.MustCompile(`^(?i:(and)|or)\s+`)
	escaped    = regexp.MustCompile(`\\(.)`)
)

func parseSearch(text string) (*searchQuery, *Error) {
	q := &searchQuery{}
	and := false
	for rest := strings.TrimSpace(text); rest != "" || q.clauses == nil; {
		if q.clauses != nil {
			join := joinForm.FindStringSubmatch(rest)
			switch {
			case join == nil || join[1] != "":
				and = true // also clauses with only a space between them
			default:
				q.any = true
			}
			if join != nil {
				rest = rest[len(join[0]):]
			}
		}
		m := clauseForm.FindStringSubmatch(rest)
		if m == nil {
			return nil, invalidRequest("", "query", "We were unable to parse your search query. Try using the format `metadata[\"key\"]:\"value\"` to query for metadata or key:\"value\" to query for other fields.")
		}
		rest = rest[len(m[0]):]
		cl := clause{negated: m[1] != "", field: m[3], key: unquoted(m[2]), operator: m[4], value: unquoted(m[5]), null: strings.EqualFold(m[5], "null")}
		if m[2] != "" {
			cl.field = "metadata"
		}
		q.clauses = append(q.clauses, cl)
	}
	switch {
	case and && q.any:
		return nil, invalidRequest("", "query", "You cannot combine AND and OR in the same search query.")
	case len(q.clauses) > maxClauses:
		return nil, invalidRequest("", "query", "Search queries can have at most "+strconv.Itoa(maxClauses)+" clauses. Your query has "+strconv.Itoa(len(q.clauses))+".")
	}
	return q, nil
}

// unquoted is what stands between quotes, \" being a quote of the text itself.
func unquoted(s string) string {
	if s == "" || s[0] != '"' && s[0] != '\'' {
		return s
	}
	return escaped.ReplaceAllString(s[1:len(s)-1], "$1")
}

// fieldKind says by which operators a field can be searched; : fits all.
type fieldKind int

const (
	searchExact  fieldKind = iota
	searchText             // also ~
	searchNumber           // also > < >= <=
)

// searchField is a field that a query may name. An empty value is none.
type searchField[T resource] struct {
	kind  fieldKind
	value func(x T) string
}

// searchFields are a resource's fields by name; metadata is one of every resource.
type searchFields[T resource] map[string]searchField[T]

// matcher makes a test of a clause.
func (fields searchFields[T]) matcher(kind string, cl clause) (func(x T) bool, *Error) {
	f, known := fields[cl.field]
	if cl.field == "metadata" && cl.key != "" {
		f, known = searchField[T]{value: func(x T) string { return x.base().Metadata[cl.key] }}, true
	}
	_, notNumber := strconv.ParseFloat(cl.value, 64)
	numeric := cl.operator != ":" && cl.operator != "~"
	switch {
	case !known:
		return nil, invalidRequest("", "query", "Field `"+cl.field+"` is an unsupported search field for resource `"+kind+"`. See http://stripe.com/docs/search#query-fields-for-"+strings.ReplaceAll(kind, "_", "-")+" for a list of supported fields.")
	case cl.operator == "~" && f.kind != searchText, numeric && f.kind != searchNumber, cl.null && cl.operator != ":":
		return nil, invalidRequest("", "query", "Operator `"+cl.operator+"` is not supported for field `"+cl.field+"`. See https://stripe.com/docs/search#search-query-language for the operators that each type of field supports.")
	case cl.operator == "~" && utf8.RuneCountInString(cl.value) < 3:
		return nil, invalidRequest("", "query", "Substring search on field `"+cl.field+"` requires a value of at least 3 characters.")
	case f.kind == searchNumber && !cl.null && notNumber != nil:
		return nil, invalidRequest("", "query", "Invalid value for field `"+cl.field+"`: "+cl.value+" is not a number.")
	}
	return func(x T) bool { return f.matches(cl, f.value(x)) != cl.negated }, nil
}

func (f searchField[T]) matches(cl clause, value string) bool {
	switch {
	case cl.null:
		return value == ""
	case value == "":
		return false
	case cl.operator == "~":
		return strings.Contains(strings.ToLower(value), strings.ToLower(cl.value))
	case f.kind != searchNumber:
		return strings.EqualFold(value, cl.value)
	}
	is, _ := strconv.ParseFloat(value, 64)
	want, _ := strconv.ParseFloat(cl.value, 64) // both checked
	switch cl.operator {
	case ">":
		return is > want
	case "<":
		return is < want
	case ">=":
		return is >= want
	case "<=":
		return is <= want
	}
	return is == want
}

// searchPage is the answer to a search.
type searchPage struct {
	page
	next  string
	total int
}

// searchOf is the answer to a search, as far as expansion is concerned.
func searchOf(kind string) *spec.Type {
	return spec.NewObject(append(listOf(kind).Props, spec.Prop{Name: "total_count", Type: &spec.Type{Kind: spec.Integer}, Include: true})...)
}

func (p *searchPage) write(r *renderer, expand expansion) {
	r.raw(`{"object":"search_result","url":`)
	r.text(p.url)
	if _, wanted := expand["total_count"]; wanted {
		r.raw(`,"total_count":` + strconv.Itoa(p.total))
	}
	r.raw(`,"next_page":`)
	if p.next == "" {
		r.raw("null")
	} else {
		r.text(p.next)
	}
	r.raw(`,"has_more":` + strconv.FormatBool(p.hasMore) + `,"data":[`)
	for i, x := range p.data {
		if i > 0 {
			r.raw(",")
		}
		r.resource(x, expand["data"])
	}
	r.raw("]}")
}

// searched finds what the query asks for among the resources of t that keep
// admits, newest first.
func searched[T resource](c *call, kind string, t *table[T], fields searchFields[T], keep func(x T) bool) (answer, *Error) {
	limit, refused := c.limit()
	if refused != nil {
		return nil, refused
	}
	q, refused := parseSearch(c.params.Str("query"))
	if refused != nil {
		return nil, refused
	}
	var matches []func(x T) bool
	for _, cl := range q.clauses {
		m, refused := fields.matcher(kind, cl)
		if refused != nil {
			return nil, refused
		}
		matches = append(matches, m)
	}
	wanted := func(x T) bool {
		for _, m := range matches {
			if m(x) == q.any {
				return q.any
			}
		}
		return !q.any
	}
	before, refused := searchCursor(c)
	if refused != nil {
		return nil, refused
	}

	p := &searchPage{page: page{url: c.url}}
	for i := len(t.order) - 1; i >= 0; i-- {
		x := t.order[i]
		if !keep(x) || !wanted(x) {
			continue
		}
		p.total++
		switch {
		case before != 0 && x.base().Seq >= before:
		case int64(len(p.data)) < limit:
			p.data = append(p.data, x)
		default:
			p.hasMore = true
		}
	}
	if p.hasMore {
		last := p.data[len(p.data)-1].base().Seq
		p.next = base64.RawURLEncoding.EncodeToString([]byte("before:" + strconv.FormatInt(last, 10)))
	}
	return p, nil
}

// searchCursor reads a next_page of an earlier answer: the place of its last object, 0 without one.
func searchCursor(c *call) (int64, *Error) {
	cursor := c.params.Str("page")
	if cursor == "" {
		return 0, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	place, ours := strings.CutPrefix(string(b), "before:")
	seq, bad := strconv.ParseInt(place, 10, 64)
	if err != nil || !ours || bad != nil || seq < 1 {
		return 0, invalidRequest("", "page", "Invalid page: '"+cursor+"'. Pass the `next_page` of an earlier search with the same query.")
	}
	return seq, nil
}
