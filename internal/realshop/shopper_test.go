package realshop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
)

// shopper is one visitor with a browser (a cookie session) or an app (a bearer token), signed in or not.
type shopper struct {
	front   string // where the visitor goes: Candor, or the shop itself
	witness *witness
	client  http.Client
	address string // X-Forwarded-For: what the edge before Candor would say
	app     bool
	token   string
	id      string // of the customer who is signed in
	staff   bool
}

func newShopper(t *testing.T, front string, w *witness) *shopper {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	w.visitors++
	return &shopper{front: front, witness: w, client: http.Client{Jar: jar}, address: fmt.Sprintf("203.0.113.%d", w.visitors)}
}

func newApp(t *testing.T, front string, w *witness) *shopper {
	s := newShopper(t, front, w)
	s.app, s.client.Jar = true, nil
	return s
}

// answer is a response with its body read.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// visit sends a request to a server as this shopper; nothing but the session is remembered.
func (s *shopper) visit(t *testing.T, server, method, path string, body []byte) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, server+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Host = strings.TrimPrefix(s.front, "http://") // wherever it is sent: a proxy passes the host on
	req.Header.Set("X-Forwarded-For", s.address)
	if s.app && s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if token := res.Header.Get("Vendure-Auth-Token"); s.app && token != "" {
		s.token = token
	}
	return answer{res.StatusCode, res.Header, b}
}

// page gets a page through the front, and the witness sees it.
func (s *shopper) page(t *testing.T, path string) answer {
	t.Helper()
	a := s.visit(t, s.front, "GET", path, nil)
	s.witness.saw(s, "GET "+path, path, a.body)
	return a
}

// operation is one GraphQL operation; its name is Candor's name for the route.
type operation struct {
	api   string // "/shop-api" if empty
	name  string
	query string
	vars  map[string]any
}

func (o operation) path() string {
	if o.api == "" {
		return "/shop-api"
	}
	return o.api
}

func (o operation) route() string { return "POST " + o.path() + "#" + o.name }

func (o operation) body(t *testing.T) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]any{"operationName": o.name, "query": o.query, "variables": o.vars})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ask sends an operation through the front, has the witness see it, and decodes its data into out. GraphQL errors and
// error results are returned.
func (s *shopper) ask(t *testing.T, o operation, out any) error {
	t.Helper()
	request := o.body(t)
	a := s.visit(t, s.front, "POST", o.path(), request)
	s.witness.saw(s, o.route(), string(request), a.body)
	return a.decode(out)
}

// must is ask where the shop has to comply.
func (s *shopper) must(t *testing.T, o operation, out any) {
	t.Helper()
	if err := s.ask(t, o, out); err != nil {
		t.Fatalf("%s: %v", o.route(), err)
	}
}

func (a answer) decode(out any) error {
	var reply struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(a.body, &reply); err != nil {
		return fmt.Errorf("status %d, no JSON: %w", a.status, err)
	}
	if len(reply.Errors) > 0 {
		return fmt.Errorf("refused: %s", reply.Errors[0].Message)
	}
	var fields map[string]struct{ ErrorCode, Message string }
	if json.Unmarshal(reply.Data, &fields) == nil {
		for field, f := range fields {
			if f.ErrorCode != "" {
				return fmt.Errorf("%s: %s: %s", field, f.ErrorCode, f.Message)
			}
		}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(reply.Data, out)
}

const failed = ` ...on ErrorResult { errorCode message }`

// login signs in at the shop.
func (s *shopper) login(t *testing.T, p person) *shopper {
	t.Helper()
	s.id = p.ID // whatever the answer holds, it is for this person
	s.must(t, operation{name: "login", vars: map[string]any{"username": p.Email, "password": p.Password}, query: `mutation login($username: String!, $password: String!) {
  login(username: $username, password: $password) { __typename ...on CurrentUser { id identifier }` + failed + ` } }`}, nil)
	return s
}

func (s *shopper) logout(t *testing.T) {
	t.Helper()
	s.must(t, operation{name: "logout", query: `mutation logout { logout { success } }`}, nil)
	s.id = ""
}

// loginAdmin signs in at the admin API.
func (s *shopper) loginAdmin(t *testing.T, v *vendure) *shopper {
	t.Helper()
	s.staff = true
	s.must(t, operation{api: "/admin-api", name: "adminLogin", vars: map[string]any{"u": v.Admin.Identifier, "p": v.Admin.Password}, query: `mutation adminLogin($u: String!, $p: String!) {
  login(username: $u, password: $p) { __typename` + failed + ` } }`}, nil)
	return s
}

// activeCustomer is the address that the shop has for the visitor.
func (s *shopper) activeCustomer(t *testing.T) string {
	t.Helper()
	var out struct {
		ActiveCustomer *struct{ EmailAddress string }
	}
	s.must(t, activeCustomer, &out)
	if out.ActiveCustomer == nil {
		return ""
	}
	return out.ActiveCustomer.EmailAddress
}

var activeCustomer = operation{name: "activeCustomer", query: `query activeCustomer { activeCustomer { id firstName lastName emailAddress } }`}

// myOrders is the account's order history.
var myOrders = operation{name: "myOrders", query: `query myOrders { activeCustomer { emailAddress orders { items { code customer { emailAddress } } } } }`}

// order is what a client shows of an order.
type order struct {
	Code, State string
	Customer    *struct{ EmailAddress, FirstName, LastName string }
}

const orderFields = ` code state totalWithTax lines { quantity productVariant { name } } customer { id firstName lastName emailAddress } `

func orderByCode(code string) operation {
	return operation{name: "orderByCode", vars: map[string]any{"code": code}, query: `query orderByCode($code: String!) { orderByCode(code: $code) {` + orderFields + `} }`}
}

// orderLookup is mistake 1.
func orderLookup(code string) operation {
	return operation{name: "orderLookup", vars: map[string]any{"code": code}, query: `query orderLookup($code: String!) { orderLookup(code: $code) {` + orderFields + `} }`}
}

// reviews is mistake 2, as a client that shows everything of the author asks.
func reviews(product int) operation {
	return operation{name: "productReviews", vars: map[string]any{"id": product}, query: `query productReviews($id: ID!) { productReviews(productId: $id) { id stars text author { id firstName lastName emailAddress } } }`}
}

// reviewNames asks for no more than is shown.
func reviewNames(product int) operation {
	return operation{name: "reviewNames", vars: map[string]any{"id": product}, query: `query reviewNames($id: ID!) { productReviews(productId: $id) { id stars text author { firstName } } }`}
}

func products(skip int) operation {
	return operation{name: "products", vars: map[string]any{"skip": skip}, query: `query products($skip: Int!) { products(options: { skip: $skip, take: 20 }) { totalItems items { id name slug description variants { id priceWithTax } } } }`}
}

// customerList is a page of the staff's list.
func customerList(skip int) operation {
	return operation{api: "/admin-api", name: "customerList", vars: map[string]any{"skip": skip}, query: `query customerList($skip: Int!) { customers(options: { skip: $skip, take: 100 }) { totalItems items { id firstName lastName emailAddress } } }`}
}

// orderList is the staff's list of orders.
var orderList = operation{api: "/admin-api", name: "orderList", query: `query orderList { orders(options: { take: 100 }) { items { code state customer { emailAddress } } } }`}

// fill puts something into the cart.
func (s *shopper) fill(t *testing.T) {
	t.Helper()
	s.must(t, operation{name: "addItemToOrder", query: `mutation addItemToOrder { addItemToOrder(productVariantId: "1", quantity: 1) { __typename` + failed + ` } }`}, nil)
}

// giveName says who orders without being signed in; the shop repeats it.
func (s *shopper) giveName(t *testing.T, guest person) {
	t.Helper()
	input := map[string]any{"emailAddress": guest.Email, "firstName": guest.FirstName, "lastName": guest.LastName}
	s.must(t, operation{name: "setCustomerForOrder", vars: map[string]any{"input": input}, query: `mutation setCustomerForOrder($input: CreateCustomerInput!) {
  setCustomerForOrder(input: $input) { __typename ...on Order {` + orderFields + `}` + failed + ` } }`}, nil)
}

// checkOut buys what is in the cart, in the steps of any Vendure storefront, and returns the order as the last step does.
// guest is who orders without being signed in.
func (s *shopper) checkOut(t *testing.T, guest *person) order {
	t.Helper()
	if guest != nil {
		s.giveName(t, *guest)
	}
	s.must(t, operation{name: "setOrderShippingAddress", vars: map[string]any{"input": map[string]any{"streetLine1": "1 Sample Street", "city": "Sampleton", "postalCode": "S1 1AA", "countryCode": "GB"}},
		query: `mutation setOrderShippingAddress($input: CreateAddressInput!) { setOrderShippingAddress(input: $input) { __typename` + failed + ` } }`}, nil)
	var shipping struct {
		EligibleShippingMethods []struct{ ID string }
	}
	s.must(t, operation{name: "eligibleShippingMethods", query: `query eligibleShippingMethods { eligibleShippingMethods { id name } }`}, &shipping)
	if len(shipping.EligibleShippingMethods) == 0 {
		t.Fatal("the shop ships nowhere")
	}
	s.must(t, operation{name: "setOrderShippingMethod", vars: map[string]any{"id": []string{shipping.EligibleShippingMethods[0].ID}},
		query: `mutation setOrderShippingMethod($id: [ID!]!) { setOrderShippingMethod(shippingMethodId: $id) { __typename` + failed + ` } }`}, nil)
	s.must(t, operation{name: "transitionOrderToState", query: `mutation transitionOrderToState { transitionOrderToState(state: "ArrangingPayment") { __typename` + failed + ` } }`}, nil)
	var paid struct{ AddPaymentToOrder order }
	s.must(t, operation{name: "addPaymentToOrder", query: `mutation addPaymentToOrder { addPaymentToOrder(input: { method: "standard-payment", metadata: {} }) { __typename ...on Order {` + orderFields + `}` + failed + ` } }`}, &paid)
	if o := paid.AddPaymentToOrder; o.Code == "" || !strings.HasPrefix(o.State, "Payment") {
		t.Fatalf("the order was not placed: state %q", o.State)
	}
	return paid.AddPaymentToOrder
}
