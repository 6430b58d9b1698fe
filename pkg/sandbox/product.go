package sandbox

import (
	"slices"

	"till/pkg/sandbox/internal/form"
)

// Product is what is sold.
type Product struct {
	object
	Active       bool   `json:"active"`
	DefaultPrice string `json:"default_price,omitempty"`
	Updated      int64  `json:"updated"`
}

var productRoutes = []route{
	{pattern: "POST /v1/products", answers: "product", handle: createProduct},
	{pattern: "GET /v1/products", answers: "list:product", handle: listProducts},
	{pattern: "GET /v1/products/{id}", answers: "product", handle: retrieveProduct},
	{pattern: "POST /v1/products/{id}", answers: "product", handle: updateProduct},
	{pattern: "DELETE /v1/products/{id}", answers: "product", handle: deleteProduct},
}

func (p *Product) name() string { return "product" }

func (p *Product) render(w *writer) {
	w.bool("active", p.Active)
	w.int("updated", p.Updated)
	w.ref("default_price", p.DefaultPrice)
	w.ref("tax_code", p.Given["tax_code"].Str())
}

// newProduct reads a product's parameters; it is not yet part of anything.
func (c *call) newProduct(params *form.Value, at string) (*Product, *Error) {
	p := &Product{Active: !params.Has("active") || params.Bool("active"), Updated: c.now}
	if refused := p.mergeMetadata(params); refused != nil {
		return nil, refused
	}
	p.ID = params.Str("id")
	if _, taken := c.st.Products.find(p.ID); taken {
		param := "id"
		if at != "" {
			param = at + "[id]"
		}
		return nil, invalidRequest("resource_already_exists", param, "Product already exists.")
	}
	p.keep(params, "id", "active", "default_price_data")
	return p, nil
}

// addProduct makes a product part of the state.
func (c *call) addProduct(p *Product) {
	if p.ID == "" {
		p.ID = "prod_" + token(14)
	}
	c.create(&p.object, p.ID)
	c.st.Products.insert(p)
	c.emit("product.created", p)
}

func createProduct(c *call) (answer, *Error) {
	p, refused := c.newProduct(c.params, "")
	if refused != nil {
		return nil, refused
	}
	var price *Price
	if data := c.params.At("default_price_data"); data != nil {
		if price, refused = c.newPrice(data, "default_price_data"); refused != nil {
			return nil, refused
		}
	}
	c.addProduct(p)
	if price != nil {
		price.Product = p.ID
		c.addPrice(price)
		before := c.seen(p)
		p.DefaultPrice = price.ID
		c.updated("product.updated", p, before)
	}
	return one{p}, nil
}

func (c *call) productInPath() (*Product, *Error) {
	return needInPath(&c.st.Products, "product", "id", c.path("id"))
}

func retrieveProduct(c *call) (answer, *Error) {
	p, refused := c.productInPath()
	if refused != nil {
		return nil, refused
	}
	return one{p}, nil
}

func updateProduct(c *call) (answer, *Error) {
	p, refused := c.productInPath()
	if refused != nil {
		return nil, refused
	}
	if id := c.params.Str("default_price"); id != "" {
		if price, ok := c.st.Prices.find(id); !ok || price.Product != p.ID {
			return nil, missingInBody("price", "default_price", id)
		}
	}
	before := c.seen(p)
	if refused := p.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	if c.params.Has("active") {
		p.Active = c.params.Bool("active")
	}
	update(c.params, "default_price", &p.DefaultPrice)
	p.keep(c.params, "active", "default_price")
	p.Updated = c.now
	c.updated("product.updated", p, before)
	return one{p}, nil
}

func deleteProduct(c *call) (answer, *Error) {
	p, refused := c.productInPath()
	if refused != nil {
		return nil, refused
	}
	for _, price := range c.st.Prices.order {
		if price.Product == p.ID {
			return nil, invalidRequest("", "id", "This product cannot be deleted because it has one or more user-created prices.")
		}
	}
	c.st.Products.remove(p.ID)
	c.emit("product.deleted", p)
	return deleted{"product", p.ID}, nil
}

func listProducts(c *call) (answer, *Error) {
	ids, url := c.params.Strs("ids"), c.params.Str("url")
	return paged(c, &c.st.Products, func(p *Product) bool {
		return (!c.params.Has("active") || p.Active == c.params.Bool("active")) &&
			(len(ids) == 0 || slices.Contains(ids, p.ID)) &&
			(url == "" || p.Given["url"].Str() == url) &&
			(!c.params.Has("shippable") || p.Given["shippable"].Bool() == c.params.Bool("shippable"))
	})
}
