package sandbox

import (
	"net/http"
	"strconv"

	"till/pkg/sandbox/internal/form"
)

// FileLink is an address at which anybody can read a file, until it expires.
type FileLink struct {
	object
	File      string `json:"file"`
	Key       string `json:"key"` // the secret part of the address
	ExpiresAt int64  `json:"expires_at,omitempty"`
}

var fileLinkRoutes = []route{
	{pattern: "POST /v1/file_links", answers: "file_link", handle: createFileLink},
	{pattern: "GET /v1/file_links", answers: "list:file_link", handle: listFileLinks},
	{pattern: "GET /v1/file_links/{link}", answers: "file_link", handle: retrieveFileLink},
	{pattern: "POST /v1/file_links/{link}", answers: "file_link", handle: updateFileLink},
}

func (l *FileLink) name() string { return "file_link" }

func (l *FileLink) render(w *writer) {
	w.ref("file", l.File)
	w.bool("expired", l.expired(w.r.now))
	w.optInt("expires_at", l.ExpiresAt)
	w.str("url", w.r.origin+"/links/"+l.Key)
}

func (l *FileLink) expired(now int64) bool { return l.ExpiresAt != 0 && l.ExpiresAt <= now }

// newFileLink reads what a link to f is to be; it is not yet part of anything.
func (c *call) newFileLink(f *File, params *form.Value, expiresAt string) (*FileLink, *Error) {
	l := &FileLink{ExpiresAt: params.Int("expires_at")}
	switch {
	case !purposes[f.Purpose].download:
		return nil, invalidRequest("", "file", "You cannot create a file link for a file with the purpose "+f.Purpose+".")
	case params.Set("expires_at") && l.ExpiresAt <= c.now:
		return nil, invalidRequest("", expiresAt, "The timestamp must be in the future.")
	}
	return l, l.mergeMetadata(params)
}

func (c *call) addFileLink(l *FileLink, f *File) {
	l.File, l.Key = f.ID, token(48)
	c.create(&l.object, "link_1"+token(23))
	c.st.FileLinks.insert(l)
}

// linksOf are the links to a file, newest first.
func (st *state) linksOf(file string) []resource {
	var all []resource
	for i := len(st.FileLinks.order) - 1; i >= 0; i-- {
		if l := st.FileLinks.order[i]; l.File == file {
			all = append(all, l)
		}
	}
	return all
}

func createFileLink(c *call) (answer, *Error) {
	f, refused := need(&c.st.Files, "file", "file", c.params.Str("file"))
	if refused != nil {
		return nil, refused
	}
	l, refused := c.newFileLink(f, c.params, "expires_at")
	if refused != nil {
		return nil, refused
	}
	c.addFileLink(l, f)
	return one{l}, nil
}

func retrieveFileLink(c *call) (answer, *Error) {
	l, refused := needInPath(&c.st.FileLinks, "file link", "link", c.path("link"))
	if refused != nil {
		return nil, refused
	}
	return one{l}, nil
}

func updateFileLink(c *call) (answer, *Error) {
	l, refused := needInPath(&c.st.FileLinks, "file link", "link", c.path("link"))
	switch {
	case refused != nil:
		return nil, refused
	case l.expired(c.now):
		return nil, invalidRequest("", "link", "This file link has expired and can no longer be updated.")
	}
	expiresAt := l.ExpiresAt
	switch sent := c.params.Str("expires_at"); {
	case !c.params.Has("expires_at"):
	case sent == "now":
		expiresAt = c.now
	case sent == "":
		expiresAt = 0
	default:
		if expiresAt, _ = strconv.ParseInt(sent, 10, 64); expiresAt <= c.now {
			return nil, invalidRequest("", "expires_at", "The timestamp must be in the future.")
		}
	}
	if refused := l.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	l.ExpiresAt = expiresAt
	return one{l}, nil
}

func listFileLinks(c *call) (answer, *Error) {
	file := c.params.Str("file")
	return paged(c, &c.st.FileLinks, func(l *FileLink) bool {
		return (file == "" || l.File == file) && (!c.params.Has("expired") || l.expired(c.now) == c.params.Bool("expired"))
	})
}

// showLinkedFile is the public page of a link.
func (s *Sandbox) showLinkedFile(w http.ResponseWriter, r *http.Request) {
	f := s.linkedFile(r.PathValue("key"))
	if f == nil {
		http.NotFound(w, r)
		return
	}
	f.serve(w)
}

// linkedFile is the file that a link's key opens, nil once link or file has expired.
func (s *Sandbox) linkedFile(key string) *File {
	now := s.now()
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, l := range s.mu.st.FileLinks.order {
		if l.Key != key {
			continue
		}
		if f, ok := s.mu.st.Files.find(l.File); ok && !l.expired(now) && f.downloadable(now) {
			return f
		}
	}
	return nil
}
