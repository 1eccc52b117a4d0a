package simulate

import (
	"fmt"
	"time"
)

// purchaseDate is a moment of 2019 to 2024 in the tutorial's form: the seconds
// and eight digits of ticks run together, as in 2019-04-25T15:15:5800838522.
func purchaseDate(d *dice) string {
	from := time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC)
	at := from.Add(time.Duration(d.below64(int64(6*365*24*time.Hour/time.Second))) * time.Second)
	return fmt.Sprintf("%s%08d", at.Format("2006-01-02T15:04:05"), d.Below(100_000_000))
}
