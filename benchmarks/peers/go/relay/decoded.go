package main

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
)

type frame struct {
	Stream string          `json:"stream"`
	Data   json.RawMessage `json:"data"`
}

type envelope struct {
	Stream    string          `json:"stream"`
	Data      json.RawMessage `json:"data"`
	Timestamp string          `json:"timestamp"`
	MessageID string          `json:"message_id"`
	Source    string          `json:"source"`
	Version   string          `json:"version"`
}

// relayDecoded reads and writes JSON with the standard library; the payload stays a RawMessage.
func relayDecoded(socket *websocket.Conn, send publish) error {
	uuid.EnableRandPool()
	for {
		_, message, err := socket.ReadMessage()
		if err != nil {
			return err
		}
		var event frame
		if err := json.Unmarshal(message, &event); err != nil || event.Stream == "" {
			continue // an answer to a request
		}
		id := uuid.NewString()
		body, err := json.Marshal(envelope{
			Stream:    event.Stream,
			Data:      event.Data,
			Timestamp: time.Now().UTC().Format(time.RFC3339Nano),
			MessageID: id,
			Source:    "binance-websocket",
			Version:   "1.0",
		})
		if err != nil {
			return err
		}
		if err := send(id, body); err != nil {
			return err
		}
	}
}
