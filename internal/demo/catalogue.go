package demo

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	firstProduct = 1001
	firstOrder   = 104201 // order numbers are sequential, as in most shops
)

type catalogue struct {
	Colours    []colour
	Categories []*category
	Reviews    []review // to be drawn from
	products   []*product
}

type colour struct{ Name, Light, Dark string }

type category struct {
	Slug, Name, Line string
	Products         []*product // in the file: without colours; in the shop: one for each colour
}

type product struct {
	ID       int
	Name     string
	Cents    int
	Text     string
	Colour   colour
	Category *category
	Reviews  []review
}

// Price is the product's price as the shop writes it.
func (p *product) Price() string { return money(p.Cents) }

// Stars is the mean of the reviews, 1 to 5, to one decimal place.
func (p *product) Stars() string {
	sum := 0
	for _, r := range p.Reviews {
		sum += r.Stars
	}
	return fmt.Sprintf("%.1f", float64(sum)/float64(max(1, len(p.Reviews))))
}

// Others are four more products of the same department.
func (p *product) Others() (list []*product) {
	all := p.Category.Products
	for i := 1; i <= 4; i++ {
		list = append(list, all[(p.ID-firstProduct+i*5)%len(all)])
	}
	return list
}

// stock is how many are left at the nth event of the live feed.
func (p *product) stock(n int) int { return 2 + (p.ID*7+n)%23 }

type review struct {
	Stars       int
	Title, Text string
	date        string
	author      *Customer
}

type order struct {
	Number   int
	Date     string
	Lines    []line
	token    string // of a guest's link; empty for customers with an account
	customer *Customer
}

type line struct {
	Product *product
	Count   int
}

// Total is what the order costs.
func (o *order) Total() string {
	sum := 0
	for _, l := range o.Lines {
		sum += l.Count * l.Product.Cents
	}
	return money(sum)
}

func money(cents int) string { return fmt.Sprintf("€ %d.%02d", cents/100, cents%100) }

// makeCatalogue reads catalogue.json, makes each product in each colour and lets customers review them.
func makeCatalogue(seed uint64, customers []*Customer) *catalogue {
	file, err := web.ReadFile("web/catalogue.json")
	if err != nil {
		panic(err) // embedded: cannot be missing
	}
	c := &catalogue{}
	if err := json.Unmarshal(file, c); err != nil {
		panic("demo: web/catalogue.json: " + err.Error()) // embedded, and a test reads it
	}
	for _, cat := range c.Categories {
		c.dye(cat)
	}
	c.review(seed, customers)
	return c
}

func (c *catalogue) dye(cat *category) {
	plain := cat.Products
	cat.Products = nil
	for _, p := range plain {
		for _, col := range c.Colours {
			made := *p
			made.ID = firstProduct + len(c.products)
			made.Name += ", " + col.Name
			made.Colour, made.Category = col, cat
			cat.Products = append(cat.Products, &made)
			c.products = append(c.products, &made)
		}
	}
}

func (c *catalogue) review(seed uint64, customers []*Customer) {
	r := random(seed, "reviews")
	for _, p := range c.products {
		for _, i := range r.Perm(len(c.Reviews))[:6+r.IntN(7)] {
			rev := c.Reviews[i]
			rev.author = pick(r, customers)
			rev.date = daysBefore(r.IntN(300))
			p.Reviews = append(p.Reviews, rev)
		}
	}
}

// product returns nil when there is none with that number.
func (c *catalogue) product(id int) *product {
	if id < firstProduct || id >= firstProduct+len(c.products) {
		return nil
	}
	return c.products[id-firstProduct]
}

func (s *Shop) makeOrders(seed uint64) {
	r := random(seed, "orders")
	for _, c := range s.customers {
		n := r.IntN(5)
		if c.guest {
			n = 1
		}
		for range n {
			o := &order{customer: c, Date: daysBefore(r.IntN(200))}
			for range 1 + r.IntN(3) {
				o.Lines = append(o.Lines, line{pick(r, s.catalogue.products), 1 + r.IntN(2)})
			}
			if c.guest {
				var t [16]byte // 128 bits
				for i := range t {
					t[i] = byte(r.Uint32())
				}
				o.token = hex.EncodeToString(t[:])
				s.links[o.token] = o
			}
			c.orders = append(c.orders, o)
			s.orders = append(s.orders, o)
		}
	}
	slices.SortStableFunc(s.orders, func(a, b *order) int { return strings.Compare(a.Date, b.Date) })
	for i, o := range s.orders {
		o.Number = firstOrder + i
	}
}

// daysBefore is a date before the story's first day, Tuesday 20 November 2018.
func daysBefore(n int) string {
	return time.Date(2018, time.November, 19-n, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
}
