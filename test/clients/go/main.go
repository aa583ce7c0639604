// Program that asks servers through the Go client of Ollama, as a program that uses it would.
//
// A line of JSON on standard input is an order; a line of JSON on standard output is its answer. It connects only to
// loopback addresses. It does not judge the answers.
//
//	tell       one call in the given way, in a goroutine of its own
//	begin      the same; `leave` with the same id cancels its context
//	questions  every call of questions.go, one after the other
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/ollama/ollama/api"
)

type order struct {
	ID int    `json:"id"`
	Do string `json:"do"`
	question
}

// What the program got from a call: a text, or the type, message and status of an error.
type told struct {
	Kind    string  `json:"kind"`
	Text    *string `json:"text,omitempty"`
	Type    string  `json:"type,omitempty"`
	Message string  `json:"message,omitempty"`
	Status  *int    `json:"status,omitempty"`
}

func toldBy(err error) told {
	shown := told{Kind: "error", Type: fmt.Sprintf("%T", err), Message: err.Error()}
	var status api.StatusError
	var unauthorized api.AuthorizationError
	if errors.As(err, &status) {
		shown.Status = &status.StatusCode
	} else if errors.As(err, &unauthorized) {
		shown.Status = &unauthorized.StatusCode
	}
	return shown
}

var (
	output  sync.Mutex
	answers = json.NewEncoder(os.Stdout)
)

func say(answer map[string]any) {
	output.Lock()
	defer output.Unlock()
	if err := answers.Encode(answer); err != nil {
		panic(err)
	}
}

func tell(ctx context.Context, id int, asked question) {
	text, err := asked.ask(ctx)
	shown := told{Kind: "text", Text: &text}
	if err != nil {
		shown = toldBy(err)
	}
	say(map[string]any{"id": id, "told": shown})
}

func main() {
	say(map[string]any{"id": 0})
	cancels := map[int]context.CancelFunc{}
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var next order
		if err := json.Unmarshal(line, &next); err != nil {
			panic(err)
		}
		switch next.Do {
		case "tell", "begin":
			ctx, cancel := context.WithCancel(context.Background())
			cancels[next.ID] = cancel
			go tell(ctx, next.ID, next.question)
		case "leave":
			cancels[next.ID]()
		case "questions":
			go func() { say(map[string]any{"id": next.ID, "answers": askAll(next.question)}) }()
		default:
			panic("unknown order: " + next.Do)
		}
	}
}
