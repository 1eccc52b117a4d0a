package simulate

import "strconv"

// The answers of the Online Store, in the tutorial's PascalCase.

func appendCustomer(b []byte, c Customer) []byte {
	b = append(b, `{"Id":`...)
	b = strconv.AppendInt(b, c.ID, 10)
	b = append(b, `,"Name":`...)
	b = appendText(b, c.Name)
	b = append(b, `,"Email":`...)
	b = appendText(b, c.Email)
	b = append(b, `,"Password":`...)
	b = appendText(b, c.Password)
	return append(b, '}')
}

func appendOrders(b []byte, orders []Order) []byte {
	b = append(b, '[')
	for k, o := range orders {
		if k > 0 {
			b = append(b, ',')
		}
		b = appendOrder(b, o)
	}
	return append(b, ']')
}

func appendOrder(b []byte, o Order) []byte {
	b = append(b, `{"OrderId":`...)
	b = strconv.AppendInt(b, o.ID, 10)
	b = append(b, `,"PurchaseDate":`...)
	b = appendText(b, o.PurchaseDate)
	b = append(b, `,"CustomerId":`...)
	b = strconv.AppendInt(b, o.CustomerID, 10)
	b = append(b, `,"Items":[`...)
	for k, item := range o.Items {
		if k > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"OrderId":`...)
		b = strconv.AppendInt(b, o.ID, 10)
		b = append(b, `,"ProductId":`...)
		b = strconv.AppendInt(b, int64(item.ProductID), 10)
		b = append(b, `,"Quantity":`...)
		b = strconv.AppendInt(b, int64(item.Quantity), 10)
		b = append(b, `,"Price":`...)
		b = strconv.AppendFloat(b, float64(item.Cents)/100, 'f', -1, 64)
		b = append(b, '}')
	}
	return append(b, `]}`...)
}

// JSON is the order as the store sends it.
func (o Order) JSON() []byte { return appendOrder(nil, o) }

func appendProduct(b []byte, p product) []byte {
	b = append(b, `{"ProductId":`...)
	b = strconv.AppendInt(b, int64(p.ID), 10)
	b = append(b, `,"Name":`...)
	b = appendText(b, p.Name)
	b = append(b, `,"Category":`...)
	b = appendText(b, p.Category)
	b = append(b, `,"Description":`...)
	b = appendText(b, p.Description)
	return append(b, '}')
}
