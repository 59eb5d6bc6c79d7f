// jetstream publishes messages into a stream on disk with PublishAsync and prints the seconds from the first
// message to the last acknowledgement.
//
//	jetstream -pending N -count N NATS STREAM FILE
//
// The stream exists. FILE holds a message a line: its id, a space, its subject, a space, its body.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const patience = 2 * time.Minute

func main() {
	log.SetFlags(0)
	pending := flag.Int("pending", 4096, "messages without an acknowledgement")
	count := flag.Int("count", 0, "messages to publish, the first of the file; 0 is all")
	flag.Parse()
	if flag.NArg() != 3 {
		log.Fatal("needs NATS STREAM FILE")
	}
	messages, err := load(flag.Arg(2))
	if err != nil {
		log.Fatal(err)
	}
	if *count > 0 {
		messages = messages[:*count]
	}
	seconds, err := publish(flag.Arg(0), flag.Arg(1), messages, *pending)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(seconds)
}

type message struct {
	id, subject string
	body        []byte
}

func load(path string) ([]message, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var found []message
	for line := range bytes.Lines(text) {
		parts := bytes.SplitN(bytes.TrimSuffix(line, []byte("\n")), []byte(" "), 3)
		if len(parts) != 3 {
			return nil, fmt.Errorf("%s: not a message: %.80q", path, line)
		}
		found = append(found, message{string(parts[0]), string(parts[1]), parts[2]})
	}
	return found, nil
}

func publish(server, stream string, messages []message, pending int) (float64, error) {
	connection, err := nats.Connect(server)
	if err != nil {
		return 0, err
	}
	defer connection.Close()
	js, err := jetstream.New(connection, jetstream.WithPublishAsyncMaxPending(pending))
	if err != nil {
		return 0, err
	}
	acks := make([]jetstream.PubAckFuture, 0, len(messages))
	started := time.Now()
	for _, each := range messages {
		ack, err := js.PublishAsync(
			each.subject, each.body,
			jetstream.WithMsgID(each.id), jetstream.WithExpectStream(stream), jetstream.WithStallWait(patience),
		)
		if err != nil {
			return 0, err
		}
		acks = append(acks, ack)
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(patience):
		return 0, fmt.Errorf("%d messages have no acknowledgement", js.PublishAsyncPending())
	}
	seconds := time.Since(started).Seconds()
	for number, ack := range acks {
		select {
		case <-ack.Ok():
		case err := <-ack.Err():
			return 0, fmt.Errorf("message %d: %w", number, err)
		}
	}
	return seconds, nil
}
