// Calls whose answers from foreman must equal those from Ollama. The names of calls that must fail begin with "!".

package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/ollama/ollama/api"
)

var settings = map[string]any{"seed": 7, "temperature": 0, "num_predict": 6}

func turn(text string) []api.Message { return []api.Message{{Role: "user", Content: text}} }

func allChats(ctx context.Context, client *api.Client, request *api.ChatRequest) (any, error) {
	request.Options = settings
	if request.Model == "" {
		request.Model = "tiny-a"
	}
	if request.Messages == nil {
		request.Messages = turn("hello there")
	}
	var records []api.ChatResponse
	err := client.Chat(ctx, request, func(record api.ChatResponse) error {
		records = append(records, record)
		return nil
	})
	return records, err
}

func allCompletions(ctx context.Context, client *api.Client, request *api.GenerateRequest) (any, error) {
	request.Model, request.Prompt, request.Options = "tiny-a", "hello there", settings
	var records []api.GenerateResponse
	err := client.Generate(ctx, request, func(record api.GenerateResponse) error {
		records = append(records, record)
		return nil
	})
	return records, err
}

type call func(context.Context, *api.Client) (any, error)

func askChat(request api.ChatRequest) call {
	return func(ctx context.Context, client *api.Client) (any, error) { return allChats(ctx, client, &request) }
}

func askCompletion(request api.GenerateRequest) call {
	return func(ctx context.Context, client *api.Client) (any, error) {
		return allCompletions(ctx, client, &request)
	}
}

func askEmbed(request api.EmbedRequest) call {
	return func(ctx context.Context, client *api.Client) (any, error) { return client.Embed(ctx, &request) }
}

var think = &api.ThinkValue{Value: true}

var calls = []struct {
	name string
	call call
}{
	{"a chat", askChat(api.ChatRequest{Stream: whole})},
	{"a streamed chat", askChat(api.ChatRequest{})},
	{"a chat that wants JSON", askChat(api.ChatRequest{Stream: whole, Format: json.RawMessage(`"json"`)})},
	{"a completion", askCompletion(api.GenerateRequest{Stream: whole})},
	{"a streamed completion", askCompletion(api.GenerateRequest{})},
	{"embeddings", askEmbed(api.EmbedRequest{Model: "tiny-embed", Input: []string{"sky", "sea"}})},
	{"an old embedding", func(ctx context.Context, client *api.Client) (any, error) {
		return client.Embeddings(ctx, &api.EmbeddingRequest{Model: "tiny-embed", Prompt: "sky"})
	}},
	{"the models", func(ctx context.Context, client *api.Client) (any, error) { return client.List(ctx) }},
	{"a model", func(ctx context.Context, client *api.Client) (any, error) {
		return client.Show(ctx, &api.ShowRequest{Model: "tiny-a"})
	}},
	{"the loaded models", func(ctx context.Context, client *api.Client) (any, error) {
		running, err := client.ListRunning(ctx)
		if err != nil {
			return nil, err
		}
		names := map[string]int{}
		for _, model := range running.Models {
			names[model.Name] = model.ContextLength
		}
		return names, nil
	}},
	{"the version", func(ctx context.Context, client *api.Client) (any, error) { return client.Version(ctx) }},
	{"a sign of life", func(ctx context.Context, client *api.Client) (any, error) { return nil, client.Heartbeat(ctx) }},
	{"! an unknown model", askChat(api.ChatRequest{Model: "nope"})},
	{"! an unknown model, unstreamed", askChat(api.ChatRequest{Model: "nope", Stream: whole})},
	{"! a model that cannot chat", askChat(api.ChatRequest{Model: "tiny-embed"})},
	{"! a chat that is to think", askChat(api.ChatRequest{Think: think})},
	{"! an unsupported format", askChat(api.ChatRequest{Format: json.RawMessage(`"pdf"`)})},
	{"! a completion to fill in", askCompletion(api.GenerateRequest{Suffix: "}"})},
	{"! an unknown embedder", askEmbed(api.EmbedRequest{Model: "nope", Input: "x"})},
	{"! an unknown model to show", func(ctx context.Context, client *api.Client) (any, error) {
		return client.Show(ctx, &api.ShowRequest{Model: "nope"})
	}},
}

func askAll(asked question) map[string]any {
	base, err := url.Parse(asked.URL)
	if err != nil {
		panic(err)
	}
	client := api.NewClient(base, http.DefaultClient)
	answers := map[string]any{}
	for _, each := range calls {
		answer, err := each.call(context.Background(), client)
		if err != nil {
			shown := toldBy(err)
			answers[each.name] = map[string]any{"type": shown.Type, "message": shown.Message, "status": shown.Status}
			continue
		}
		answers[each.name] = map[string]any{"answer": answer}
	}
	return answers
}
