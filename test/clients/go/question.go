// One call through the Go client: chat, generate, embed and the management of models.

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/ollama/ollama/api"
)

type question struct {
	URL     string            `json:"url"`
	Model   string            `json:"model"`
	Way     string            `json:"way"`
	Prompt  string            `json:"prompt"`
	Image   []byte            `json:"image"`
	Headers map[string]string `json:"headers"`
	// Seconds. Each is unset unless the test wants it: the client itself sets no timeout.
	Patience      float64 `json:"patience"`      // deadline of the context
	ClientTimeout float64 `json:"clientTimeout"` // http.Client.Timeout
	HeaderTimeout float64 `json:"headerTimeout"` // http.Transport.ResponseHeaderTimeout
	// The callback returns an error after so many pieces.
	Pieces int `json:"pieces"`
}

var errLeft = errors.New("the callback has enough")

func seconds(many float64) time.Duration { return time.Duration(many * float64(time.Second)) }

// The client has no option for headers: a program adds them in a RoundTripper.
type withHeaders struct {
	headers map[string]string
	next    http.RoundTripper
}

func (with withHeaders) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	for name, value := range with.headers {
		request.Header.Set(name, value)
	}
	return with.next.RoundTrip(request)
}

func dialLoopback(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if host == "foreman.example" {
		host = "127.0.0.1"
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("only loopback may be called, not %s", host)
	}
	return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(host, port))
}

func (asked question) ask(ctx context.Context) (string, error) {
	base, err := url.Parse(asked.URL)
	if err != nil {
		return "", err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.DialContext = dialLoopback
	transport.ResponseHeaderTimeout = seconds(asked.HeaderTimeout)
	defer transport.CloseIdleConnections()
	client := api.NewClient(base, &http.Client{
		Transport: withHeaders{asked.Headers, transport},
		Timeout:   seconds(asked.ClientTimeout),
	})
	if asked.Patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, seconds(asked.Patience))
		defer cancel()
	}
	way, isKnown := ways[asked.Way]
	if !isKnown {
		return "", fmt.Errorf("unknown way: %s", asked.Way)
	}
	if asked.Prompt == "" {
		asked.Prompt = "hi"
	}
	return way(ctx, client, asked)
}

func (asked question) images() []api.ImageData {
	if asked.Image == nil {
		return nil
	}
	return []api.ImageData{asked.Image}
}

// Joins the pieces of a stream until the program has enough.
func (asked question) joined(call func(piece func(string) error) error) (string, error) {
	text, pieces := "", 0
	err := call(func(piece string) error {
		text += piece
		if pieces++; pieces == asked.Pieces {
			return errLeft
		}
		return nil
	})
	if errors.Is(err, errLeft) {
		return text, nil
	}
	return text, err
}

type way func(context.Context, *api.Client, question) (string, error)

func chat(stream *bool) way {
	return func(ctx context.Context, client *api.Client, asked question) (string, error) {
		message := api.Message{Role: "user", Content: asked.Prompt, Images: asked.images()}
		request := &api.ChatRequest{Model: asked.Model, Messages: []api.Message{message}, Stream: stream}
		return asked.joined(func(piece func(string) error) error {
			return client.Chat(ctx, request, func(answer api.ChatResponse) error { return piece(answer.Message.Content) })
		})
	}
}

func generate(stream *bool) way {
	return func(ctx context.Context, client *api.Client, asked question) (string, error) {
		request := &api.GenerateRequest{Model: asked.Model, Prompt: asked.Prompt, Images: asked.images(), Stream: stream}
		return asked.joined(func(piece func(string) error) error {
			return client.Generate(ctx, request, func(answer api.GenerateResponse) error { return piece(answer.Response) })
		})
	}
}

func ignore(api.ProgressResponse) error { return nil }

var whole = new(bool)

var ways = map[string]way{
	"chat streamed":     chat(nil),
	"chat whole":        chat(whole),
	"generate streamed": generate(nil),
	"generate whole":    generate(whole),
	"embed": func(ctx context.Context, client *api.Client, asked question) (string, error) {
		_, err := client.Embed(ctx, &api.EmbedRequest{Model: asked.Model, Input: []string{"sky", "sea"}})
		return "", err
	},
	"embeddings": func(ctx context.Context, client *api.Client, asked question) (string, error) {
		_, err := client.Embeddings(ctx, &api.EmbeddingRequest{Model: asked.Model, Prompt: "sky"})
		return "", err
	},
	"pull": func(ctx context.Context, client *api.Client, asked question) (string, error) {
		return "", client.Pull(ctx, &api.PullRequest{Model: "new"}, ignore)
	},
	"push": func(ctx context.Context, client *api.Client, asked question) (string, error) {
		return "", client.Push(ctx, &api.PushRequest{Model: "somebody/" + asked.Model}, ignore)
	},
	"create": func(ctx context.Context, client *api.Client, asked question) (string, error) {
		return "", client.Create(ctx, &api.CreateRequest{Model: "new", From: asked.Model}, ignore)
	},
	"copy": func(ctx context.Context, client *api.Client, asked question) (string, error) {
		return "", client.Copy(ctx, &api.CopyRequest{Source: asked.Model, Destination: "new"})
	},
	"delete": func(ctx context.Context, client *api.Client, asked question) (string, error) {
		return "", client.Delete(ctx, &api.DeleteRequest{Model: asked.Model})
	},
}
