package couchbase

import (
	"fmt"

	"github.com/couchbase/gocbcore/v10/memd"
)

// Opcodes that memd has no names for: those that are silent when all is well.
const (
	cmdQuit       = memd.CmdCode(0x07)
	cmdGetQ       = memd.CmdCode(0x09)
	cmdSetQ       = memd.CmdCode(0x11)
	cmdAddQ       = memd.CmdCode(0x12)
	cmdReplaceQ   = memd.CmdCode(0x13)
	cmdDeleteQ    = memd.CmdCode(0x14)
	cmdIncrementQ = memd.CmdCode(0x15)
	cmdDecrementQ = memd.CmdCode(0x16)
	cmdAppendQ    = memd.CmdCode(0x19)
	cmdPrependQ   = memd.CmdCode(0x1a)
	cmdGATQ       = memd.CmdCode(0x1e)
)

// stage is how far a connection has to be for a command.
type stage int

const (
	stageConnected stage = iota
	stageAuthenticated
	stageBucket
)

// need says whether a part of a request must be there.
type need int

const (
	mustNot need = iota
	must
	may
)

// command is what a node knows of an opcode. Exactly one of control and document is set.
type command struct {
	stage           stage
	extras          []int // allowed lengths; nil: none
	key, value, cas need
	typed           bool   // the value may be declared JSON or compressed
	quiet           status // with a quiet opcode: the status that is not answered
	isQuiet         bool
	durable         bool // takes a durability requirement
	preserves       bool // takes the preserve-expiry frame

	control  func(*connection, *request) response           // on the connection
	document func(*transaction, *request) (response, error) // on a document of the selected bucket
	parse    func(*connection, *request) response           // before the transaction; an answer that is not of status success refuses
}

// commands is the table of opcodes. The tables of a node are values it is made
// with, not variables of the package.
func commands() map[memd.CmdCode]*command {
	all := connectionCommands()
	for code, c := range documentCommands() {
		all[code] = c
	}
	for code, c := range subdocCommands() {
		all[code] = c
	}
	for code, c := range scanCommands() {
		all[code] = c
	}
	quiet := func(code, loud memd.CmdCode, silent status) {
		c := *all[loud]
		c.quiet, c.isQuiet = silent, true
		all[code] = &c
	}
	quiet(cmdGetQ, memd.CmdGet, statusNotFound)
	quiet(cmdGATQ, memd.CmdGAT, statusNotFound)
	for code, loud := range map[memd.CmdCode]memd.CmdCode{cmdSetQ: memd.CmdSet, cmdAddQ: memd.CmdAdd, cmdReplaceQ: memd.CmdReplace,
		cmdDeleteQ: memd.CmdDelete, cmdIncrementQ: memd.CmdIncrement, cmdDecrementQ: memd.CmdDecrement, cmdAppendQ: memd.CmdAppend,
		cmdPrependQ: memd.CmdPrepend} {
		quiet(code, loud, statusOK)
	}
	return all
}

func connectionCommands() map[memd.CmdCode]*command {
	return map[memd.CmdCode]*command{
		memd.CmdHello:                  {key: may, value: may, control: hello},
		memd.CmdSASLListMechs:          {control: saslListMechs},
		memd.CmdSASLAuth:               {key: must, value: may, control: saslAuth},
		memd.CmdSASLStep:               {key: must, value: may, control: saslStep},
		memd.CmdGetErrorMap:            {value: must, control: getErrorMap},
		cmdQuit:                        {control: func(c *connection, _ *request) response { c.closing = true; return response{} }},
		memd.CmdNoop:                   {stage: stageAuthenticated, control: func(*connection, *request) response { return response{} }},
		memd.CmdSelectBucket:           {stage: stageAuthenticated, key: must, control: selectBucket},
		memd.CmdGetClusterConfig:       {stage: stageAuthenticated, extras: []int{0, 16}, control: getClusterConfig},
		memd.CmdStat:                   {stage: stageBucket, key: may, value: may, control: stat},
		memd.CmdCollectionsGetID:       {stage: stageBucket, key: may, value: may, control: collectionsGetID},
		memd.CmdCollectionsGetManifest: {stage: stageBucket, control: collectionsGetManifest},
		memd.CmdObserve:                {stage: stageBucket, value: must, control: observe},
		memd.CmdObserveSeqNo:           {stage: stageBucket, value: must, control: observeSeqno},
	}
}

func documentCommands() map[memd.CmdCode]*command {
	none, expiry, store, counter := []int{0}, []int{4}, []int{8}, []int{20}
	all := map[memd.CmdCode]*command{
		memd.CmdGet:        {extras: none, document: get},
		memd.CmdGetReplica: {extras: none, document: get, parse: notAReplica},
		memd.CmdGetMeta:    {extras: []int{0, 1}, document: getMeta},
		memd.CmdGetLocked:  {extras: []int{0, 4}, document: getLocked},
		memd.CmdUnlockKey:  {extras: none, cas: must, document: unlock},
		memd.CmdTouch:      {extras: expiry, document: touch},
		memd.CmdGAT:        {extras: expiry, document: touch},
		memd.CmdSet:        {extras: store, value: may, cas: may, typed: true, durable: true, preserves: true, document: set, parse: parseBody},
		memd.CmdAdd:        {extras: store, value: may, typed: true, durable: true, document: add, parse: parseBody},
		memd.CmdReplace:    {extras: store, value: may, cas: may, typed: true, durable: true, preserves: true, document: replace, parse: parseBody},
		memd.CmdDelete:     {extras: none, cas: may, durable: true, document: remove},
		memd.CmdAppend:     {extras: none, value: may, cas: may, typed: true, durable: true, preserves: true, document: concatenate, parse: parseBody},
		memd.CmdPrepend:    {extras: none, value: may, cas: may, typed: true, durable: true, preserves: true, document: concatenate, parse: parseBody},
		memd.CmdIncrement:  {extras: counter, durable: true, preserves: true, document: count},
		memd.CmdDecrement:  {extras: counter, durable: true, preserves: true, document: count},
	}
	for _, c := range all {
		c.stage, c.key = stageBucket, must
		if c.cas == mustNot && c.document != nil && !c.durable {
			c.cas = may // reads do not look at it
		}
	}
	return all
}

// refuse is what is wrong with a request by its form, status success if nothing is.
func (c *command) refuse(f features, q *request) response {
	switch {
	case !c.extrasFit(len(q.extras)):
		if len(c.extras) == 1 && c.extras[0] > 0 {
			return invalid(fmt.Sprintf("Request must include extras of length %d", c.extras[0]))
		}
		return invalid("Invalid extras section")
	case !c.key.fits(len(q.key) > 0):
		return invalid(c.key.complaint("key"))
	case !c.value.fits(len(q.value) > 0):
		return invalid(c.value.complaint("value"))
	case c.cas == must && q.cas == 0:
		return invalid("Request CAS must be set")
	case c.cas == mustNot && q.cas != 0:
		return invalid("Request CAS must not be set")
	case q.frames.problem.status != statusOK:
		return q.frames.problem
	}
	if r := c.refuseDatatype(f, q.datatype); r.status != statusOK {
		return r
	}
	return c.refuseFrames(q.frames)
}

func (c *command) extrasFit(n int) bool {
	for _, allowed := range c.extras {
		if n == allowed {
			return true
		}
	}
	return c.extras == nil && n == 0
}

func (n need) fits(there bool) bool { return n == may || (n == must) == there }

func (n need) complaint(what string) string {
	if n == must {
		return "Request must include " + what
	}
	return "Request must not include " + what
}

func (c *command) refuseDatatype(f features, datatype uint8) response {
	switch {
	case datatype&datatypeSnappy != 0 && !f.has(memd.FeatureSnappy):
		return invalid("Datatype (snappy) not enabled for the connection")
	case datatype&datatypeJSON != 0 && !f.has(memd.FeatureJSON):
		return invalid("Datatype (json) not enabled for the connection")
	case datatype&^(datatypeJSON|datatypeSnappy) != 0, datatype != 0 && !c.typed:
		return invalid("Request datatype invalid")
	}
	return response{}
}

func (c *command) refuseFrames(f frames) response {
	switch {
	case f.durability && !c.durable:
		return invalid("The requested command does not support durability requirements")
	case f.durability && (f.level < 1 || f.level > 3):
		return explained(memd.StatusDurabilityInvalidLevel, "Content represents an invalid requirement specification")
	case f.preserveExpiry && !c.preserves:
		return explained(memd.StatusNotSupported, "This command does not support PreserveTtl")
	}
	return response{}
}
