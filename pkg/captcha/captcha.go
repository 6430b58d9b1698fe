// Package captcha asks a CAPTCHA's provider whether a token that a browser sends
// stands for a person: Cloudflare Turnstile, hCaptcha or Google reCAPTCHA, which all
// have the same siteverify call. A token is good for one call; the provider sees to it.
//
// It keeps nothing. Nothing here may be called within a database transaction.
package captcha

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Timeout bounds one call to the provider.
const Timeout = 3 * time.Second

// longestAnswer is what is read of an answer, bytes.
const longestAnswer = 64 << 10

// ErrRefused is returned for a token that stands for nobody: made up, too old, used
// before, or solved on another site.
var ErrRefused = errors.New("captcha: refused")

// ErrDown is returned where the provider does not say: it cannot be reached in time,
// answers what cannot be read, or refuses our secret. The token may be good.
var ErrDown = errors.New("captcha: the provider does not answer")

// urls are where the providers verify.
var urls = map[string]string{
	// https://developers.cloudflare.com/turnstile/get-started/server-side-validation/
	"turnstile": "https://challenges.cloudflare.com/turnstile/v0/siteverify",
	// https://docs.hcaptcha.com/#verify-the-user-response-server-side
	"hcaptcha": "https://api.hcaptcha.com/siteverify",
	// https://developers.google.com/recaptcha/docs/verify
	"recaptcha": "https://www.google.com/recaptcha/api/siteverify",
}

// Options are what a Verifier needs.
type Options struct {
	Provider  string // turnstile, hcaptcha or recaptcha
	Secret    string
	Hostnames []string // on which a token may have been solved; none: wherever the provider lets it
	URL       string   // in place of the provider's, for tests; empty: the provider's
}

// Verifier asks one provider.
type Verifier struct {
	opt    Options
	client *http.Client
}

// New makes a Verifier; it calls nobody.
func New(opt Options) (*Verifier, error) {
	if opt.URL == "" {
		opt.URL = urls[opt.Provider]
	}
	if opt.URL == "" {
		return nil, fmt.Errorf("captcha: unknown provider %q", opt.Provider)
	}
	return &Verifier{opt: opt, client: &http.Client{
		Timeout:       Timeout,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, Proxy: http.ProxyFromEnvironment},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the secret goes nowhere else
	}}, nil
}

// Verify uses a token up. address is the client's. It returns ErrRefused or ErrDown,
// with the provider's reasons.
func (v *Verifier) Verify(ctx context.Context, token, address string) error {
	ctx, stop := context.WithTimeout(ctx, Timeout)
	defer stop()
	form := url.Values{"secret": {v.opt.Secret}, "response": {token}, "remoteip": {address}}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, v.opt.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := v.client.Do(q)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDown, err)
	}
	defer func() { _ = res.Body.Close() }()
	var said struct {
		Success  *bool    `json:"success"`
		Hostname string   `json:"hostname"`
		Codes    []string `json:"error-codes"`
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, longestAnswer))
	if err == nil {
		err = json.Unmarshal(body, &said)
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w: status %d: %w", ErrDown, res.StatusCode, err)
	case res.StatusCode >= 500 || said.Success == nil:
		return fmt.Errorf("%w: status %d", ErrDown, res.StatusCode)
	case !*said.Success && slices.ContainsFunc(said.Codes, ours):
		return fmt.Errorf("%w: %s", ErrDown, strings.Join(said.Codes, ", "))
	case !*said.Success:
		return fmt.Errorf("%w: %s", ErrRefused, strings.Join(said.Codes, ", "))
	case len(v.opt.Hostnames) > 0 && !slices.Contains(v.opt.Hostnames, said.Hostname):
		return fmt.Errorf("%w: solved on %q", ErrRefused, said.Hostname)
	}
	return nil
}

// ours are reasons that lie with Till or the provider, and not with the caller.
func ours(code string) bool {
	switch code {
	case "missing-input-secret", "invalid-input-secret", "internal-error", "bad-request", "sitekey-secret-mismatch":
		return true
	}
	return false
}
