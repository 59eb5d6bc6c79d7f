package main

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
)

const ending = `","source":"binance-websocket","version":"1.0"}`

var opening = []byte(`{"stream":"`)

// relaySpliced is the least that makes the same envelope: no look at the JSON, a counter for an id, one
// buffer for reading and one for writing, nothing allocated per message.
func relaySpliced(socket *websocket.Conn, send publish) error {
	var message bytes.Buffer
	body := make([]byte, 0, readSize)
	prefix := fmt.Sprintf("%s-", uuid.NewString())
	id := []byte(prefix)
	for number := uint64(0); ; number++ {
		_, reader, err := socket.NextReader()
		if err != nil {
			return err
		}
		message.Reset()
		if _, err := message.ReadFrom(reader); err != nil {
			return err
		}
		event := message.Bytes()
		if !bytes.HasPrefix(event, opening) {
			continue // an answer to a request
		}
		id = strconv.AppendUint(id[:len(prefix)], number, 10)
		body = append(body[:0], event[:len(event)-1]...)
		body = append(body, `,"timestamp":"`...)
		body = time.Now().UTC().AppendFormat(body, time.RFC3339Nano)
		body = append(body, `","message_id":"`...)
		body = append(body, id...)
		body = append(body, ending...)
		if err := send(string(id), body); err != nil {
			return err
		}
	}
}
