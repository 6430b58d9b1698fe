package sandbox_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"till/pkg/sandbox"
)

const filesPage = "https://docs.stripe.com/file-upload"

// What begins like this is a picture, a document, or a text.
const (
	png = "\x89PNG\r\n\x1a\n pixels"
	jpg = "\xff\xd8\xff\xe0 pixels"
	gif = "GIF89a pixels"
	pdf = "%PDF-1.7 pages"
)

func (b *bench) upload(purpose, name, content string, change ...func(p *stripe.FileParams)) (*stripe.File, error) {
	b.t.Helper()
	p := &stripe.FileParams{Purpose: stripe.String(purpose), Filename: stripe.String(name), FileReader: strings.NewReader(content)}
	for _, f := range change {
		f(p)
	}
	return b.stripe.Files.New(p)
}

func TestFiles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	evidence, err := b.upload("dispute_evidence", "receipt.png", png)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("a file is sent as a part of a form", func(t *testing.T) {
		shows(t, filesPage)
		if evidence.Purpose != stripe.FilePurposeDisputeEvidence || evidence.Filename != "receipt.png" || evidence.Type != "png" || evidence.Size != int64(len(png)) || len(evidence.Links.Data) != 0 {
			t.Errorf("%+v", evidence)
		}
	})
	t.Run("evidence is kept for nine months", func(t *testing.T) {
		shows(t, filesPage+"#uploading-a-file")
		if want := time.Unix(evidence.Created, 0).UTC().AddDate(0, 9, 0).Unix(); evidence.ExpiresAt != want {
			t.Errorf("%d, want %d", evidence.ExpiresAt, want)
		}
	})
	t.Run("a file can be read", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/files/retrieve")
		if got, err := b.stripe.Files.Get(evidence.ID, nil); err != nil || got.URL != b.url+"/v1/files/"+evidence.ID+"/contents" {
			t.Errorf("%+v %v", got, err)
		}
	})
	t.Run("its content is for who has the key", func(t *testing.T) {
		shows(t, filesPage+"#downloading-a-file")
		path := strings.TrimPrefix(evidence.URL, b.url)
		if r := b.send("GET", path, ""); r.Status != 200 || string(r.Body) != png || r.Header.Get("Content-Type") != "image/png" {
			t.Errorf("%d %q", r.Status, r.Body)
		}
		for header, status := range map[string]int{"": 401, "Bearer sk_live_1": 401, "Bearer pk_test_1": 403} {
			if r := b.send("GET", path, "", "Authorization", header); r.Status != status {
				t.Errorf("%s: %d %s", header, r.Status, r.Body)
			}
		}
		if r := b.send("GET", "/v1/files/file_nobody/contents", ""); r.Status != 404 || r.str("error.code") != "resource_missing" {
			t.Errorf("%s", r.Body)
		}
		if r := b.send("GET", path, "", "Origin", "https://evil.example"); r.Status != 403 {
			t.Errorf("a page: %d %s", r.Status, r.Body)
		}
	})
	t.Run("not every purpose gives the file back", func(t *testing.T) {
		shows(t, filesPage+"#uploading-a-file")
		f, err := b.upload("identity_document", "id.jpg", jpg)
		if err != nil || f.URL != "" || f.ExpiresAt != 0 {
			t.Fatalf("%+v %v", f, err)
		}
		if r := b.send("GET", "/v1/files/"+f.ID+"/contents", ""); r.Status != 404 {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
	t.Run("files are listed by purpose", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/files/list")
		var ids []string
		i := b.stripe.Files.List(&stripe.FileListParams{Purpose: stripe.String("dispute_evidence")})
		for i.Next() {
			ids = append(ids, i.File().ID)
		}
		if i.Err() != nil || !slices.Equal(ids, []string{evidence.ID}) {
			t.Errorf("%v %v", ids, i.Err())
		}
	})
	t.Run("an expired file is gone", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/files/object#file_object-expires_at")
		b := setup(t)
		f, err := b.upload("customer_signature", "name.svg", `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`)
		if err != nil {
			t.Fatal(err)
		}
		if r := b.send("GET", "/v1/files/"+f.ID+"/contents", ""); r.Status != 200 || r.Header.Get("Content-Security-Policy") != "sandbox" {
			t.Errorf("%d %v", r.Status, r.Header)
		}
		b.clock.advance(8 * 24 * time.Hour)
		if r := b.send("GET", "/v1/files/"+f.ID+"/contents", ""); r.Status != 404 {
			t.Errorf("%d", r.Status)
		}
	})
}

func TestFilesRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, tc := range map[string]struct{ purpose, name, content, want string }{
		"a type that the purpose does not take": {"business_logo", "logo.pdf", pdf, "is not supported for the purpose business_logo"},
		"a text that is named as a picture":     {"dispute_evidence", "receipt.png", "hello", "is not supported"},
		"a file that is too large":              {"business_icon", "icon.gif", gif + strings.Repeat("x", 512<<10), "too large"},
		"an empty file":                         {"dispute_evidence", "receipt.png", "", "is empty"},
		"a purpose that nobody knows":           {"fun", "a.png", png, "Invalid purpose"},
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, filesPage+"#uploading-a-file")
			_, err := b.upload(tc.purpose, tc.name, tc.content)
			if e := refused(t, err); e.HTTPStatusCode != 400 || !strings.Contains(e.Msg, tc.want) {
				t.Errorf("%+v", e)
			}
		})
	}
	for form, code := range map[string]string{"purpose=dispute_evidence": "parameter_missing", "purpose=dispute_evidence&file=text": ""} {
		if r := b.send("POST", "/v1/files", form); r.Status != 400 || r.str("error.code") != code || r.str("error.param") != "file" {
			t.Errorf("%s", r.Body)
		}
	}
	if r := b.send("POST", "/v1/files", "no parts", "Content-Type", "multipart/form-data; boundary=x"); r.Status != 400 {
		t.Errorf("%s", r.Body)
	}
	if r := b.send("POST", "/v1/files", "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"+strings.Repeat("x", 18<<20)+"\r\n--x--", "Content-Type", "multipart/form-data; boundary=x"); r.Status != 400 {
		t.Errorf("%d", r.Status)
	}
}

// A body of heads alone, with next to no content, is a load like any other.
func TestManyEmptyParts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	part := "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n"
	body := strings.NewReader(strings.Repeat(part, 19<<20/len(part)) + "--x--")
	r, w := httptest.NewRequest("POST", "/v1/files", body), httptest.NewRecorder()
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	b.sandbox.ServeHTTP(w, r)
	if w.Code != 400 || !strings.Contains(w.Body.String(), "could not be read") || body.Len() < 1<<20 {
		t.Errorf("%d %s, %d bytes not read", w.Code, w.Body, body.Len())
	}
}

// A restart leaves files, links, cards, tokens and settings as they were.
func TestPeopleOutliveTheProcess(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "sandbox.json")
	b := setupWith(t, sandbox.Options{StateFile: state})
	f, err := b.upload("dispute_evidence", "receipt.png", png)
	if err != nil {
		t.Fatal(err)
	}
	u := b.send("POST", "/v1/customers", "source=tok_visa&balance=5&tax_id_data[0][type]=eu_vat&tax_id_data[0][value]=DE123456789").str("id")
	b.send("POST", "/v1/customers/"+u+"/balance_transactions", "amount=7&currency=eur")
	paths := []string{
		"/v1/files/" + f.ID, "/v1/file_links/" + b.send("POST", "/v1/file_links", "file="+f.ID).str("id"), "/v1/customers/" + u + "?expand[]=sources&expand[]=tax_ids&expand[]=default_source",
		"/v1/customers/" + u + "/balance_transactions", "/v1/payment_method_configurations", "/v1/payment_method_domains/" + b.send("POST", "/v1/payment_method_domains", "domain_name=a.example").str("id"),
		"/v1/tokens/" + b.send("POST", "/v1/tokens", "card[number]=4242424242424242&card[exp_month]=8&card[exp_year]=2040&card[name]=Amy").str("id"), "/v1/account",
	}
	before := map[string][]byte{}
	for _, path := range paths {
		before[path] = b.send("GET", path, "").Body
	}
	if err := b.sandbox.Close(); err != nil {
		t.Fatal(err)
	}
	b2 := setupWith(t, sandbox.Options{StateFile: state})
	for path, was := range before {
		is := b2.send("GET", path, "")
		was = bytes.ReplaceAll(was, []byte(b.url), []byte(b2.url))
		if is.Status != 200 || !sameJSON(t, was, is.Body) {
			t.Errorf("%s:\n%s\n%s", path, was, is.Body)
		}
	}
	if r := b2.send("GET", "/v1/files/"+f.ID+"/contents", ""); string(r.Body) != png {
		t.Errorf("%d %q", r.Status, r.Body)
	}
	if r := b2.send("POST", "/v1/customers/"+u+"/balance_transactions", "amount=1&currency=eur"); r.at("ending_balance") != 8.0 {
		t.Errorf("%s", r.Body)
	}
}

func TestFileIdempotency(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/api/idempotent_requests")
	b := setup(t)
	send := func(content string) reply {
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		if err := w.WriteField("purpose", "dispute_evidence"); err != nil {
			t.Fatal(err)
		}
		part, err := w.CreateFormFile("file", "receipt.png")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(part, content); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.send("POST", "/v1/files", body.String(), "Content-Type", w.FormDataContentType(), "Idempotency-Key", "k")
	}
	first := send(png)
	if again := send(png); again.str("id") != first.str("id") || again.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%s", again.Body)
	}
	if other := send(png + "more"); other.Status != 400 || other.str("error.type") != "idempotency_error" {
		t.Errorf("another file under the same key: %s", other.Body)
	}
}

func TestFileLinks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const page = "https://docs.stripe.com/api/file_links"
	f, err := b.upload("dispute_evidence", "receipt.pdf", pdf)
	if err != nil {
		t.Fatal(err)
	}
	fetch := func(url string) (int, string) {
		r := b.send("GET", strings.TrimPrefix(url, b.url), "", "Authorization", "")
		return r.Status, string(r.Body)
	}
	t.Run("anybody who has the link can read the file", func(t *testing.T) {
		shows(t, filesPage+"#link-to-file")
		l, err := b.stripe.FileLinks.New(&stripe.FileLinkParams{File: stripe.String(f.ID), Metadata: map[string]string{"a": "b"}})
		if err != nil || l.Expired || l.ExpiresAt != 0 || l.File.ID != f.ID || l.Metadata["a"] != "b" {
			t.Fatalf("%+v %v", l, err)
		}
		if status, body := fetch(l.URL); status != 200 || body != pdf {
			t.Errorf("%d %s", status, body)
		}
		if status, _ := fetch(b.url + "/links/nobody"); status != 404 {
			t.Errorf("%d", status)
		}
		if got, err := b.stripe.Files.Get(f.ID, nil); err != nil || len(got.Links.Data) != 1 || got.Links.URL != "/v1/file_links?file="+f.ID {
			t.Errorf("%+v %v", got, err)
		}
	})
	t.Run("until it expires", func(t *testing.T) {
		shows(t, page+"/create#create_file_link-expires_at")
		l, err := b.stripe.FileLinks.New(&stripe.FileLinkParams{File: stripe.String(f.ID), ExpiresAt: stripe.Int64(b.clock.now().Unix() + 60)})
		if err != nil || l.ExpiresAt == 0 {
			t.Fatalf("%+v %v", l, err)
		}
		b.clock.advance(time.Minute)
		if status, _ := fetch(l.URL); status != 404 {
			t.Errorf("%d", status)
		}
		p := &stripe.FileLinkParams{}
		p.AddExpand("file")
		if got, err := b.stripe.FileLinks.Get(l.ID, p); err != nil || !got.Expired || got.File.Type != "pdf" {
			t.Errorf("%+v %v", got, err)
		}
		_, err = b.stripe.FileLinks.Update(l.ID, &stripe.FileLinkParams{ExpiresAtNow: stripe.Bool(true)})
		if e := refused(t, err); e.HTTPStatusCode != 400 {
			t.Errorf("an expired link was changed: %+v", e)
		}
	})
	t.Run("a link can be ended at once", func(t *testing.T) {
		shows(t, page+"/update")
		l := b.send("POST", "/v1/file_links", "file="+f.ID)
		id := l.str("id")
		if r := b.send("POST", "/v1/file_links/"+id, "expires_at="+itoa(b.clock.now().Unix()+60)); r.at("expires_at") == nil || r.at("expired") != false {
			t.Errorf("%s", r.Body)
		}
		if r := b.send("POST", "/v1/file_links/"+id, "expires_at="); r.at("expires_at") != nil {
			t.Errorf("%s", r.Body)
		}
		if r := b.send("POST", "/v1/file_links/"+id, "expires_at=1"); r.str("error.param") != "expires_at" {
			t.Errorf("%s", r.Body)
		}
		if got, err := b.stripe.FileLinks.Update(id, &stripe.FileLinkParams{ExpiresAtNow: stripe.Bool(true)}); err != nil || !got.Expired {
			t.Errorf("%+v %v", got, err)
		}
	})
	t.Run("links are listed", func(t *testing.T) {
		shows(t, page+"/list")
		for q, n := range map[string]int{"expired=true": 2, "expired=false": 1, "file=" + f.ID: 3, "file=file_nobody": 0} {
			if r := b.send("GET", "/v1/file_links?"+q, ""); len(r.at("data").([]any)) != n {
				t.Errorf("%s: %s", q, r.Body)
			}
		}
	})
	t.Run("an upload can make its link", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/files/create#create_file-file_link_data")
		made, err := b.upload("business_logo", "logo.gif", gif, func(p *stripe.FileParams) {
			p.FileLinkData = &stripe.FileFileLinkDataParams{Create: stripe.Bool(true)}
		})
		if err != nil || len(made.Links.Data) != 1 {
			t.Fatalf("%+v %v", made, err)
		}
		if status, body := fetch(made.Links.Data[0].URL); status != 200 || body != gif {
			t.Errorf("%d %s", status, body)
		}
	})
	t.Run("some files have no links", func(t *testing.T) {
		shows(t, page+"/create#create_file_link-file")
		secret, err := b.upload("identity_document", "id.jpg", jpg)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.stripe.FileLinks.New(&stripe.FileLinkParams{File: stripe.String(secret.ID)})
		if e := refused(t, err); e.HTTPStatusCode != 400 || e.Param != "file" {
			t.Errorf("%+v", e)
		}
	})
	for form, param := range map[string]string{"": "file", "file=file_nobody": "file", "expires_at=1&file=" + f.ID: "expires_at"} {
		if r := b.send("POST", "/v1/file_links", form); r.Status != 400 || r.str("error.param") != param {
			t.Errorf("%s", r.Body)
		}
	}
}
