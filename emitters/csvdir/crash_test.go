package csvdir

func childMain([]string) {}

const childCommand = "csvdir-child"
