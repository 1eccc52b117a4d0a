package simulate

// name is a name as its owner spells it, and as it stands in an e-mail address.
// A slug has no digits: the number in an address belongs to the person.
type name struct{ spelled, slug string }

func firstNames() []name {
	return []name{
		{"Gia", "gia"}, {"Aron", "aron"}, {"Sabryna", "sabryna"}, {"Zoë", "zoe"}, {"Łukasz", "lukasz"}, {"Søren", "soren"},
		{"José", "jose"}, {"François", "francois"}, {"Anne Marie", "annemarie"}, {"Renée", "renee"}, {"Jürgen", "juergen"},
		{"Siobhán", "siobhan"}, {"Nguyễn", "nguyen"}, {"Åsa", "asa"}, {"Øyvind", "oyvind"}, {"Chloé", "chloe"}, {"Đorđe", "dorde"},
		{"李娜", "lina"}, {"Юлия", "yuliya"}, {"Ελένη", "eleni"}, {"İpek", "ipek"}, {"Perry", "perry"}, {"Sally", "sally"},
		{"George", "george"}, {"Edward", "edward"}, {"Ada", "ada"}, {"Grace", "grace"}, {"Alan", "alan"}, {"Barbara", "barbara"},
		{"Donald", "donald"}, {"Edsger", "edsger"}, {"Frances", "frances"}, {"Hedy", "hedy"}, {"Ivan", "ivan"}, {"Jean", "jean"},
		{"Katherine", "katherine"}, {"Leslie", "leslie"}, {"Margaret", "margaret"}, {"Niklaus", "niklaus"}, {"Olivia", "olivia"},
		{"Peter", "peter"}, {"Quentin", "quentin"}, {"Radia", "radia"}, {"Shafi", "shafi"}, {"Tim", "tim"}, {"Ursula", "ursula"},
		{"Vint", "vint"}, {"Whitfield", "whitfield"}, {"Xavier", "xavier"}, {"Yukihiro", "yukihiro"}, {"Zelda", "zelda"},
		{"D'Angelo", "dangelo"}, {"Mary-Jane", "mary-jane"}, {"Bo", "bo"},
	}
}

func lastNames() []name {
	return []name{
		{"Kutch", "kutch"}, {"Sawayn", "sawayn"}, {"Kovacek", "kovacek"}, {"O'Connell", "oconnell"}, {"Müller", "mueller"},
		{"Nuñez", "nunez"}, {"Šimić", "simic"}, {"Wójcik", "wojcik"}, {"Ångström", "angstrom"}, {"de la Cruz", "delacruz"},
		{"van den Berg", "vandenberg"}, {"Œuvrard", "oeuvrard"}, {"Krug", "krug"}, {"Thomas", "thomas"}, {"Bailey", "bailey"},
		{"Walker", "walker"}, {"Kretchmar", "kretchmar"}, {"Lovelace", "lovelace"}, {"Hopper", "hopper"}, {"Turing", "turing"},
		{"Liskov", "liskov"}, {"Knuth", "knuth"}, {"Dijkstra", "dijkstra"}, {"Allen", "allen"}, {"Lamarr", "lamarr"},
		{"Sutherland", "sutherland"}, {"Bartik", "bartik"}, {"Johnson", "johnson"}, {"Lamport", "lamport"}, {"Hamilton", "hamilton"},
		{"Wirth", "wirth"}, {"Naur", "naur"}, {"Perlman", "perlman"}, {"Goldwasser", "goldwasser"}, {"Diffie", "diffie"},
		{"Cerf", "cerf"}, {"Farrell", "farrell"}, {"Stehr", "stehr"}, {"Sporer", "sporer"}, {"Schmidt-Rottluff", "schmidt-rottluff"},
	}
}

func mailDomains() []string {
	return []string{
		"oconnell.biz", "farrell.co.uk", "stehr.co.uk", "example.com", "example.org", "kutch.example", "mail.example.net",
		"gmail.example", "xn--bcher-kva.example", "noanswer.org",
	}
}

func streets() []string {
	return []string{
		"Sporer Curve", "Mockingbird Ln", "Main Street", "Elm Street", "Kuhic Trace", "Schowalter Island", "Über Allee",
		"Rue de l'Église", "Lakin Harbors", "Old Mill Rd", "N. 5th Ave", "Camino Real", "Haley Spurs", "Beatty \"Back\" Lane",
	}
}

type place struct{ city, state, zip string }

func places() []place {
	return []place{
		{"West Evertchester", "NH", "040"}, {"Lake Gia", "CA", "941"}, {"Columbus", "OH", "432"}, {"Cañon City", "CO", "812"},
		{"Coeur d'Alene", "ID", "838"}, {"Española", "NM", "875"}, {"Portland", "OR", "972"}, {"Portland", "ME", "041"},
		{"Saint Louis", "MO", "631"}, {"Winston-Salem", "NC", "271"}, {"Hāna", "HI", "967"}, {"Springfield", "IL", "627"},
		{"New York", "NY", "100"}, {"Boston", "MA", "021"}, {"Seattle", "WA", "981"}, {"Austin", "TX", "787"},
	}
}

// product is one of the tutorial's nine.
type product struct {
	ID                          int
	Name, Category, Description string
}

func products() []product {
	return []product{
		{100, "Tennis Shoes", "Footwear", "Light shoes for hard courts"},
		{110, "Dress Shoes", "Footwear", "Polished leather shoes"},
		{200, "T-shirt", "Clothing", "Plain cotton T-shirt"},
		{210, "Blouse", "Clothing", "Silk blouse"},
		{300, "Jacket", "Outerwear", "Light jacket"},
		{310, "Coat", "Outerwear", "Warm winter coat"},
		{320, "Scarf", "Outerwear", "Knitted scarf"},
		{400, "Necklace", "Jewelry", "Silver necklace"},
		{410, "Earrings", "Jewelry", "A pair of earrings"},
	}
}
