package couchbase

import "github.com/couchbase/gocbcore/v10/memd"

// trait is what the engine allows for one sub-document opcode.
type trait struct {
	mutates     bool
	onlyXattr   bool
	flags       memd.SubdocFlag
	docFlags    memd.SubdocDocFlag
	path, value need
}

func traits() map[memd.SubDocOpType]trait {
	const (
		xattr  = memd.SubdocFlagXattrPath
		mkdirP = memd.SubdocFlagMkDirP
		macros = memd.SubdocFlagExpandMacros

		dead   = memd.SubdocDocFlagAccessDeleted
		read   = dead | memd.SubdocDocFlagReplicaRead
		create = memd.SubdocDocFlagMkDoc | memd.SubdocDocFlagAddDoc
		revive = dead | memd.SubdocDocFlagReviveDocument
		change = revive | memd.SubdocDocFlagCreateAsDeleted // of what has to be there
		make   = change | create                            // of what may be made
	)
	return map[memd.SubDocOpType]trait{
		memd.SubDocOpGet:      {flags: xattr, docFlags: read, path: must},
		memd.SubDocOpExists:   {flags: xattr, docFlags: read, path: must},
		memd.SubDocOpGetCount: {flags: xattr, docFlags: read, path: may},
		memd.SubDocOpGetDoc:   {docFlags: read},

		memd.SubDocOpDictAdd:        {mutates: true, flags: xattr | mkdirP | macros, docFlags: make, path: must, value: must},
		memd.SubDocOpDictSet:        {mutates: true, flags: xattr | mkdirP | macros, docFlags: make, path: must, value: must},
		memd.SubDocOpDelete:         {mutates: true, flags: xattr, docFlags: change, path: must},
		memd.SubDocOpReplace:        {mutates: true, flags: xattr | macros, docFlags: change, path: must, value: must},
		memd.SubDocOpArrayPushLast:  {mutates: true, flags: xattr | mkdirP | macros, docFlags: make, path: may, value: must},
		memd.SubDocOpArrayPushFirst: {mutates: true, flags: xattr | mkdirP | macros, docFlags: make, path: may, value: must},
		memd.SubDocOpArrayInsert:    {mutates: true, flags: xattr | macros, docFlags: change, path: must, value: must},
		memd.SubDocOpArrayAddUnique: {mutates: true, flags: xattr | mkdirP | macros, docFlags: make, path: may, value: must},
		memd.SubDocOpCounter:        {mutates: true, flags: xattr | mkdirP, docFlags: make, path: must, value: must},

		// A body is neither given to a tombstone nor, with revive, by SETDOC.
		memd.SubDocOpSetDoc:               {mutates: true, docFlags: create, value: may},
		memd.SubDocOpDeleteDoc:            {mutates: true, docFlags: dead},
		memd.SubDocOpReplaceBodyWithXattr: {mutates: true, onlyXattr: true, flags: xattr, docFlags: revive, path: must},
	}
}
