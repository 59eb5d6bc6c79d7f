// relay is the client that one would write in Go: gorilla's WebSocket, nats.go, and an envelope made with
// encoding/json or, with -splice, around the bytes as they came.
//
//	relay [-splice] [-jetstream] ENDPOINT NATS SUBJECT STREAM,STREAM,...
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	chunk    = 140                    // streams in one request: the exchange takes 4 kB
	pause    = 250 * time.Millisecond // between two requests: the exchange takes five a second
	pending  = 4096                   // messages without an acknowledgement, as the relay has it
	patience = time.Minute            // for a place among them
	readSize = 64 << 10
)

// publish hands a message to NATS; afterwards the body is the caller's again.
type publish func(id string, body []byte) error

func main() {
	log.SetFlags(0)
	splice := flag.Bool("splice", false, "put the bytes into the envelope as they came")
	stored := flag.Bool("jetstream", false, "publish into a JetStream stream, asynchronously")
	flag.Parse()
	if flag.NArg() != 4 {
		log.Fatal("needs ENDPOINT NATS SUBJECT STREAMS")
	}
	err := run(flag.Arg(0), flag.Arg(1), flag.Arg(2), strings.Split(flag.Arg(3), ","), *splice, *stored)
	log.Fatal(err)
}

func run(endpoint, server, subject string, streams []string, splice, stored bool) error {
	connection, err := nats.Connect(server)
	if err != nil {
		return err
	}
	send, err := publisher(connection, subject, stored)
	if err != nil {
		return err
	}
	dialer := websocket.Dialer{ReadBufferSize: readSize, WriteBufferSize: readSize}
	socket, _, err := dialer.Dial(endpoint+"/stream", nil)
	if err != nil {
		return err
	}
	go subscribe(socket, streams)
	if splice {
		return relaySpliced(socket, send)
	}
	return relayDecoded(socket, send)
}

func publisher(connection *nats.Conn, subject string, stored bool) (publish, error) {
	if !stored {
		return func(_ string, body []byte) error { return connection.Publish(subject, body) }, nil
	}
	js, err := jetstream.New(connection, jetstream.WithPublishAsyncMaxPending(pending))
	if err != nil {
		return nil, err
	}
	return func(id string, body []byte) error {
		_, err := js.PublishAsync(
			subject, bytes.Clone(body), jetstream.WithMsgID(id), jetstream.WithStallWait(patience),
		)
		return err
	}, nil
}

func subscribe(socket *websocket.Conn, streams []string) {
	for number := 0; len(streams) > 0; number++ {
		size := min(chunk, len(streams))
		request, _ := json.Marshal(map[string]any{"method": "SUBSCRIBE", "params": streams[:size], "id": number})
		if err := socket.WriteMessage(websocket.TextMessage, request); err != nil {
			log.Fatal(fmt.Errorf("subscribe: %w", err))
		}
		streams = streams[size:]
		time.Sleep(pause)
	}
}
