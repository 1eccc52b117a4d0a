package onlinestore

import (
	"cmp"
	"slices"
	"strconv"
)

// indexed is how many orders a customer's index lists.
const indexed = 100

// appendIndex appends what a customer's document shows of the orders: the count
// of all, and id, date and total of the newest, which come first. Orders of one
// instant are in the order of their ids, the highest first; those without a
// date that can be read are the oldest.
//
//	{"count":2,"orders":[{"id":1,"date":"2019-04-25T15:15:5800838522","total":1058.97},…]}
func appendIndex(dst []byte, orders []order) []byte {
	newest := make([]*order, len(orders))
	for i := range orders {
		newest[i] = &orders[i]
	}
	slices.SortFunc(newest, func(a, b *order) int {
		return cmp.Or(b.when.compare(a.when), compareIntegers(b.id, a.id))
	})
	dst = append(dst, `{"count":`...)
	dst = strconv.AppendInt(dst, int64(len(orders)), 10)
	dst = append(dst, `,"orders":[`...)
	for i, o := range newest[:min(len(newest), indexed)] {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"id":`...)
		dst = append(dst, o.id...)
		if o.date != nil {
			dst = append(dst, `,"date":`...)
			dst = append(dst, o.date...)
		}
		if o.total != "" {
			dst = append(dst, `,"total":`...)
			dst = append(dst, o.total...)
		}
		dst = append(dst, '}')
	}
	return append(dst, `]}`...)
}
