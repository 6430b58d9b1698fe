package sandbox

// ephemeralLife is how long an ephemeral key is good for.
const ephemeralLife = 60 * 60

// EphemeralKey lets a mobile app act for one customer for a while.
type EphemeralKey struct {
	object
	Customer string `json:"customer"`
	Expires  int64  `json:"expires"`
	secret   string // shown once, when it is made
}

var ephemeralKeyRoutes = []route{
	{pattern: "POST /v1/ephemeral_keys", answers: "ephemeral_key", handle: createEphemeralKey},
	{pattern: "DELETE /v1/ephemeral_keys/{key}", answers: "ephemeral_key", handle: deleteEphemeralKey},
}

func (k *EphemeralKey) name() string { return "ephemeral_key" }

func (k *EphemeralKey) render(w *writer) {
	w.int("expires", k.Expires)
	w.opt("secret", k.secret)
}

func createEphemeralKey(c *call) (answer, *Error) {
	if c.version == "" { // the app's SDK reads the answer as its own version of the API has it
		return nil, invalidRequest("", "", "You must set the Stripe-Version header to the API version that your mobile SDK uses when you create an ephemeral key.")
	}
	for _, other := range []string{"issuing_card", "verification_session"} {
		if id := c.params.Str(other); id != "" {
			return nil, missingInBody(other, other, id)
		}
	}
	if !c.params.Set("customer") {
		return nil, invalidRequest("parameter_missing", "customer", "Missing required param: customer.")
	}
	u, refused := c.customer("customer")
	if refused != nil {
		return nil, refused
	}
	k := &EphemeralKey{Customer: u.ID, Expires: c.now + ephemeralLife}
	c.create(&k.object, "ephkey_1"+token(23))
	c.st.EphemeralKeys.insert(k)
	shown := new(*k)
	shown.secret = "ek_test_" + token(60)
	return one{shown}, nil
}

func deleteEphemeralKey(c *call) (answer, *Error) {
	k, refused := needInPath(&c.st.EphemeralKeys, "ephemeral key", "key", c.path("key"))
	if refused != nil {
		return nil, refused
	}
	c.st.EphemeralKeys.remove(k.ID)
	k.Expires = min(k.Expires, c.now)
	return one{k}, nil
}
