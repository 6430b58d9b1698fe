package sandbox

import "slices"

// MethodConfiguration says which payment methods buyers are shown.
type MethodConfiguration struct {
	object
	Name        string            `json:"name"`
	Active      bool              `json:"active"`
	Default     bool              `json:"default,omitempty"`
	Preferences map[string]string `json:"preferences,omitempty"` // on, off or none by payment method, where one was given
}

var methodConfigurationRoutes = []route{
	{pattern: "POST /v1/payment_method_configurations", answers: "payment_method_configuration", handle: createMethodConfiguration},
	{pattern: "GET /v1/payment_method_configurations", answers: "list:payment_method_configuration", handle: listMethodConfigurations},
	{pattern: "GET /v1/payment_method_configurations/{configuration}", answers: "payment_method_configuration", handle: retrieveMethodConfiguration},
	{pattern: "POST /v1/payment_method_configurations/{configuration}", answers: "payment_method_configuration", handle: updateMethodConfiguration},
}

// onByDefault are shown unless an account says otherwise.
var onByDefault = []string{"apple_pay", "card", "google_pay", "link"}

// addDefaultMethodConfiguration gives the account the one that it has from the beginning.
func (st *state) addDefaultMethodConfiguration() {
	m := &MethodConfiguration{Name: "Default", Active: true, Default: true}
	st.LastSeq++
	m.ID, m.Seq = "pmc_1"+token(23), st.LastSeq
	st.MethodConfigurations.insert(m)
}

func (m *MethodConfiguration) name() string { return "payment_method_configuration" }

func (m *MethodConfiguration) render(w *writer) {
	w.str("name", m.Name)
	w.bool("active", m.Active)
	w.bool("is_default", m.Default)
	setting := w.r.tables.Objects["payment_method_config_resource_payment_method_properties"]
	for i := range w.t.Props {
		p := &w.t.Props[i]
		preference := m.Preferences[p.Name]
		if w.r.tables.Resolve(p.Type) != setting || p.Include && preference == "" {
			continue
		}
		value := "off"
		if preference == "on" || preference != "off" && slices.Contains(onByDefault, p.Name) {
			value = "on"
		}
		if preference == "" {
			preference = value
		}
		w.sub(p.Name, nil, func(w *writer) {
			w.bool("available", value == "on")
			w.sub("display_preference", nil, func(w *writer) {
				w.str("preference", preference)
				w.str("value", value)
			})
		})
	}
}

// set takes over what was sent.
func (m *MethodConfiguration) set(c *call) {
	update(c.params, "name", &m.Name)
	for name, v := range c.params.Hash {
		if preference := v.Str("display_preference", "preference"); preference != "" {
			if m.Preferences == nil {
				m.Preferences = map[string]string{}
			}
			m.Preferences[name] = preference
		}
	}
}

func createMethodConfiguration(c *call) (answer, *Error) {
	if parent := c.params.Str("parent"); parent != "" { // only platforms have parents to offer
		return nil, missingInBody("payment_method_configuration", "parent", parent)
	}
	m := &MethodConfiguration{Name: "Payment method configuration", Active: true}
	m.set(c)
	c.create(&m.object, "pmc_1"+token(23))
	c.st.MethodConfigurations.insert(m)
	return one{m}, nil
}

func (c *call) methodConfigurationInPath() (*MethodConfiguration, *Error) {
	return needInPath(&c.st.MethodConfigurations, "payment_method_configuration", "configuration", c.path("configuration"))
}

func retrieveMethodConfiguration(c *call) (answer, *Error) {
	m, refused := c.methodConfigurationInPath()
	if refused != nil {
		return nil, refused
	}
	return one{m}, nil
}

func updateMethodConfiguration(c *call) (answer, *Error) {
	m, refused := c.methodConfigurationInPath()
	switch {
	case refused != nil:
		return nil, refused
	case m.Default && c.params.Str("active") == "false":
		return nil, invalidRequest("", "active", "The default payment method configuration cannot be deactivated.")
	}
	m.set(c)
	if c.params.Has("active") {
		m.Active = c.params.Bool("active")
	}
	return one{m}, nil
}

func listMethodConfigurations(c *call) (answer, *Error) {
	application := c.params.Str("application")
	return paged(c, &c.st.MethodConfigurations, func(*MethodConfiguration) bool { return application == "" })
}
