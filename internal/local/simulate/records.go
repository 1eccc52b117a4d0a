package simulate

// Row is a row of Home Delivery's table inventory.customers. An empty Address2
// is NULL.
type Row struct {
	ID                          int64
	Name, Email, Password       string
	Address1, Address2          string
	City, State, Zipcode, Phone string
}

// Member is a line of Loyalty's CSV.
type Member struct {
	ID                                   int64
	Password, FirstName, LastName, Email string
	Points                               int
}

// Customer is a customer of the Online Store.
type Customer struct {
	ID                    int64
	Name, Email, Password string
}

// Order is an order of the Online Store. PurchaseDate is text in the tutorial's
// form: seconds and ticks run together.
type Order struct {
	ID, CustomerID int64
	PurchaseDate   string
	Items          []Item
}

// Item is a line of an order; Cents is the price of one piece.
type Item struct {
	ProductID, Quantity, Cents int
}
