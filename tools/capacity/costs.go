package main

// Costs are what things take, as measured; docs/scale.md says how, and how far to trust each. Times are seconds of processor
// time, sizes are bytes.
type Costs struct {
	// A node of the server.
	Message    float64 // takes a message in and checks it, and its part of a commit; nothing of delivering it
	Commit     float64 // a commit of messages, however many are in it: the node's part
	Change     float64 // anything else that is stored: a reaction, a read marker, somebody who joins
	Request    float64 // an average HTTP request: a page of messages, a list of rooms
	Encode     float64 // an event that somebody on the node hears, whatever their number
	Delivery   float64 // one event to one connection, written alone: the dear case, of a server that is not busy
	Joined     float64 // the same when the node is busy and joins writes: what it can do at most
	Ping       float64 // keeping one quiet connection for one heartbeat
	Heartbeat  float64 // seconds
	Connection float64 // resident memory of one quiet connection
	Person     float64 // memory for one person who is online, on every node of several
	Base       float64 // resident memory of a node without connections, caches filled
	Frame      float64 // bytes of one delivery on the wire
	Page       float64 // bytes of the answer to an average request
	Committers float64 // commits of messages that one node has under way at a time
	Batch      float64 // messages that one commit takes at most

	// The bus between the nodes.
	BusOut     float64 // an event, told to the others
	BusBatchIn float64 // a batch of another node, however many events are in it
	BusIn      float64 // an event of another node, put aside because nobody here hears it
	Lanes      float64 // channels that every node publishes batches on, one at a time on each
	LaneWait   float64 // seconds that publishing a batch takes, in which the next one gathers
	Beat       float64 // seconds between two beats of a node
	BusBytes   float64 // an event on the bus
	SavedBytes float64 // what a node saves in Redis about somebody who is connected to it

	// PostgreSQL.
	DBCommit   float64 // a transaction that stores messages, beside its messages
	DBRow      float64 // each message in it, the search index included
	DBChange   float64 // a transaction that stores something else
	DBQuery    float64 // a request that no cache answers
	CommitWait float64 // seconds from the start of a commit to its end, with the disk of a good database server
	Stored     float64 // table, indices and search index, each message
	Log        float64 // write-ahead log, each message or change

	// Redis.
	Publish   float64 // a batch, taken in
	Fan       float64 // the same, passed on to one node
	Operation float64 // a command on volatile state: a rate limit, typing
}

// Limits are what one of each can do before it is a bottleneck.
type Limits struct {
	NodeCores       float64 // processors of one node
	NodeMemory      float64 // bytes
	NodeNetwork     float64 // bytes a second
	NodeConnections float64 // open files, and the wish not to have too many people reconnect at once
	DatabaseCores   float64 // processors of the biggest primary that is reasonable
	DatabaseLog     float64 // bytes a second of log that its disks and standbys take
	RedisCores      float64 // one: it has one thread for commands
	RedisNetwork    float64 // bytes a second
	Busy            float64 // share of all of these that is used at the peak, the rest being for the loss of a part
}

// Measured are the costs of the program as it is.
var Measured = Costs{
	Message: 45e-6, Commit: 450e-6, Change: 200e-6, Request: 200e-6, Encode: 15e-6, Delivery: 5e-6, Joined: 0.9e-6,
	Ping: 10e-6, Heartbeat: 30, Connection: 3.0e3, Person: 200, Base: 150e6, Frame: 600, Page: 20e3, Committers: 4, Batch: 256,

	BusOut: 9e-6, BusBatchIn: 60e-6, BusIn: 2e-6, Lanes: 9, LaneWait: 1e-3, Beat: 2, BusBytes: 300, SavedBytes: 38,

	DBCommit: 650e-6, DBRow: 42e-6, DBChange: 300e-6, DBQuery: 120e-6, CommitWait: 3e-3, Stored: 950, Log: 2000,

	Publish: 20e-6, Fan: 14e-6, Operation: 10e-6,
}

// Usual are machines that can be had everywhere.
var Usual = Limits{
	NodeCores: 8, NodeMemory: 16e9, NodeNetwork: 10e9 / 8, NodeConnections: 100e3,
	DatabaseCores: 64, DatabaseLog: 300e6,
	RedisCores: 1, RedisNetwork: 10e9 / 8,
	Busy: 0.5,
}
