package sandbox

import (
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// File is a document that was sent to Stripe.
type File struct {
	object
	Purpose   string `json:"purpose"`
	Filename  string `json:"filename"`
	Type      string `json:"type"` // png
	ExpiresAt int64  `json:"expires_at,omitempty"`
	Content   []byte `json:"content"`
}

var fileRoutes = []route{
	{pattern: "POST /v1/files", answers: "file", handle: createFile, upload: true, browser: true},
	{pattern: "GET /v1/files", answers: "list:file", handle: listFiles},
	{pattern: "GET /v1/files/{file}", answers: "file", handle: retrieveFile},
}

// purpose is what files may be sent for: which, how large, for how long, and
// whether they can be had again.
// https://stripe.com/docs/file-upload#uploading-a-file
type purpose struct {
	types        string
	max          int
	months, days int // 0: for ever
	download     bool
}

const kilobyte, megabyte = 1 << 10, 1 << 20

var purposes = map[string]purpose{
	"account_requirement":          {types: "pdf jpg png", max: 16 * megabyte},
	"additional_verification":      {types: "pdf jpg png", max: 16 * megabyte},
	"business_icon":                {types: "jpg png gif", max: 512 * kilobyte, download: true},
	"business_logo":                {types: "jpg png gif", max: 512 * kilobyte, download: true},
	"customer_signature":           {types: "jpg png svg", max: 4 * megabyte, days: 7, download: true},
	"dispute_evidence":             {types: "pdf jpg png", max: 5 * megabyte, months: 9, download: true},
	"identity_document":            {types: "pdf jpg png", max: 16 * megabyte},
	"pci_document":                 {types: "pdf", max: 16 * megabyte, download: true},
	"tax_document_user_upload":     {types: "pdf csv jpg png xlsx docx", max: 16 * megabyte, download: true},
	"terminal_reader_splashscreen": {types: "png jpg gif", max: 2 * megabyte, download: true},
}

func (f *File) name() string { return "file" }

func (f *File) render(w *writer) {
	w.str("purpose", f.Purpose)
	w.str("filename", f.Filename)
	w.str("type", f.Type)
	w.int("size", int64(len(f.Content)))
	w.optInt("expires_at", f.ExpiresAt)
	if purposes[f.Purpose].download {
		w.str("url", w.r.origin+"/v1/files/"+f.ID+"/contents")
	}
	w.list("links", "/v1/file_links?file="+f.ID, w.r.st.linksOf(f.ID))
}

// mediaTypes are the types of files as the web names them.
var mediaTypes = map[string]string{
	"csv": "text/csv", "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "gif": "image/gif", "jpg": "image/jpeg", "pdf": "application/pdf", "png": "image/png",
	"svg": "image/svg+xml", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

// typeOf tells a file's type from its content, and from its name where content says too little.
func (u *upload) typeOf() string {
	media, _, _ := strings.Cut(http.DetectContentType(u.content), ";")
	ending := strings.ToLower(strings.TrimPrefix(filepath.Ext(u.name), "."))
	switch {
	case media == "application/zip" && (ending == "docx" || ending == "xlsx"),
		(media == "text/plain" || media == "text/xml") && (ending == "csv" || ending == "svg"):
		return ending
	}
	for kind, name := range mediaTypes {
		if name == media {
			return kind
		}
	}
	return ""
}

func createFile(c *call) (answer, *Error) {
	u := c.upload
	if u == nil {
		return nil, invalidRequest("", "file", "Invalid file: send the file itself as multipart/form-data, with a file name.")
	}
	f := &File{Purpose: c.params.Str("purpose"), Filename: filepath.Base(u.name), Type: u.typeOf(), Content: u.content}
	p := purposes[f.Purpose]
	switch {
	case len(f.Content) == 0:
		return nil, invalidRequest("", "file", "The file you attempted to upload is empty.")
	case !slices.Contains(strings.Fields(p.types), f.Type):
		return nil, invalidRequest("", "file", "The file type you attempted to upload is not supported for the purpose "+f.Purpose+". Supported types: "+strings.Join(strings.Fields(p.types), ", ")+".")
	case len(f.Content) > p.max:
		return nil, invalidRequest("", "file", "The file you attempted to upload is too large: files for the purpose "+f.Purpose+" can have up to "+strconv.Itoa(p.max)+" bytes.")
	}
	var link *FileLink
	if data := c.params.At("file_link_data"); data.Bool("create") {
		var refused *Error
		if link, refused = c.newFileLink(f, data, "file_link_data[expires_at]"); refused != nil {
			return nil, refused
		}
	}
	if p.months+p.days > 0 {
		f.ExpiresAt = time.Unix(c.now, 0).UTC().AddDate(0, p.months, p.days).Unix()
	}
	c.create(&f.object, "file_1"+token(23))
	c.st.Files.insert(f)
	if link != nil {
		c.addFileLink(link, f)
	}
	return one{f}, nil
}

func retrieveFile(c *call) (answer, *Error) {
	f, refused := needInPath(&c.st.Files, "file", "file", c.path("file"))
	if refused != nil {
		return nil, refused
	}
	return one{f}, nil
}

func listFiles(c *call) (answer, *Error) {
	wanted := c.params.Str("purpose")
	return paged(c, &c.st.Files, func(f *File) bool { return wanted == "" || f.Purpose == wanted })
}

// downloadFile gives a file back to the account that sent it. Stripe does not
// describe this address, so that it is no route like the others.
func (s *Sandbox) downloadFile(w http.ResponseWriter, r *http.Request) {
	s.counts.add("GET /v1/files/{file}/contents")
	requestID := "req_" + token(14)
	params, refused := readParams(r)
	if refused == nil {
		var publishable bool
		if publishable, refused = authenticate(r, params); publishable {
			refused = secretKeyRequired()
		}
	}
	if refused != nil {
		s.refuse(w, requestID, refused)
		return
	}
	s.mu.RLock()
	f, ok := s.mu.st.Files.find(r.PathValue("file"))
	s.mu.RUnlock()
	if !ok || !f.downloadable(s.now()) {
		s.refuse(w, requestID, missingInPath("file", "file", r.PathValue("file")))
		return
	}
	f.serve(w)
}

func (f *File) downloadable(now int64) bool {
	return purposes[f.Purpose].download && (f.ExpiresAt == 0 || now < f.ExpiresAt)
}

// serve sends the content, which never changes, so that no lock is needed.
func (f *File) serve(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", mediaTypes[f.Type])
	h.Set("Content-Length", strconv.Itoa(len(f.Content)))
	h.Set("Content-Disposition", `inline; filename="`+f.ID+"."+f.Type+`"`)
	h.Set("Content-Security-Policy", "sandbox") // an SVG is a page of somebody else's
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(f.Content) // a reader who left is none of our business
}
