package config

import (
	"net/netip"
	"strings"
)

// The values below are read off a Config that has been validated.

// Listen is the address that the API listens on.
func (c *Config) Listen() string {
	switch {
	case c.Addr != "":
		return c.Addr
	case c.Port != "":
		return ":" + c.Port
	default:
		return ":8080"
	}
}

// Livemode says whether real money moves, by the key that Stripe gave.
func (c *Config) Livemode() bool { return mode(string(c.StripeSecretKey)) == "live" }

// GuestsOn says whether shoppers without an account may pay.
func (c *Config) GuestsOn() bool { return c.Guests == "on" }

// MigrateOn says whether the schema is brought up to date at start.
func (c *Config) MigrateOn() bool { return c.Migrate == "on" }

// ClientAmounts says whether clients may name an amount.
func (c *Config) ClientAmounts() bool { return c.ClientAmountMin != nil && c.ClientAmountMax != nil }

// Proxies are the ranges of addresses that X-Forwarded-For is believed from.
func (c *Config) Proxies() []netip.Prefix {
	var out []netip.Prefix
	for _, p := range c.TrustedProxies {
		if prefix, err := parseProxy(p); err == nil {
			out = append(out, prefix)
		}
	}
	return out
}

// OutboundNetworks are the operator's own that webhook endpoints may be in.
func (c *Config) OutboundNetworks() []netip.Prefix {
	var out []netip.Prefix
	for _, n := range c.OutboundAllow {
		if prefix, err := parseNetwork(n); err == nil {
			out = append(out, prefix)
		}
	}
	return out
}

// WebhookSecrets are the signing secrets, any of which may have signed.
func (c *Config) WebhookSecrets() []string {
	var out []string
	for s := range strings.SplitSeq(string(c.StripeWebhookSecret), ",") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// mode is the second word of a Stripe key: test or live.
func mode(key string) string {
	parts := strings.SplitN(key, "_", 3)
	if len(parts) < 3 {
		return ""
	}
	return parts[1]
}
