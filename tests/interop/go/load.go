// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const users = 6                     // each makes one call at a time
const pause = 10 * time.Millisecond // between a user's calls, on average

// outcome is what is written for each call: one JSON line. Status is 0 when there was no whole answer.
type outcome struct {
	ID     string  `json:"id"`
	Kind   string  `json:"kind"`
	Begin  float64 `json:"begin"`
	End    float64 `json:"end"`
	Status int     `json:"status"`
	OK     bool    `json:"ok"`
	Why    string  `json:"why,omitempty"`
}

// call makes one call and says how it ended: the status, and an error when it was not as it should be.
type call func(ctx context.Context, id string, r *rand.Rand) (int, error)

// load makes calls of every kind but those left out, until its standard input ends, and lets those under way come to their end.
func load(proto, addr, authority, seed string, leftOut []string) {
	calls := httpCalls
	c := newClient(proto, addr, authority)
	if proto == "grpc" {
		calls = grpcCalls
		c.grpc = dialGRPC(addr, authority)
	}
	kinds := calls(c)
	for i := range kinds {
		for _, kind := range leftOut {
			if kinds[i].kind == kind {
				kinds[i].weight = 0
			}
		}
	}
	n, _ := strconv.ParseInt(seed, 10, 64)
	stop := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(stop)
	}()
	out := json.NewEncoder(os.Stdout)
	var lock sync.Mutex
	var all sync.WaitGroup
	for i := 0; i < users; i++ {
		all.Add(1)
		go func(r *rand.Rand) {
			defer all.Done()
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Duration(r.Int63n(int64(2 * pause)))):
				}
				done := one(kinds, r)
				lock.Lock()
				out.Encode(done)
				lock.Unlock()
			}
		}(rand.New(rand.NewSource(n*users + int64(i))))
	}
	all.Wait()
}

type weighted struct {
	kind   string
	weight int
	call
}

func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

func one(calls []weighted, r *rand.Rand) outcome {
	total := 0
	for _, c := range calls {
		total += c.weight
	}
	at, chosen := r.Intn(total), 0
	for ; at >= calls[chosen].weight; chosen++ {
		at -= calls[chosen].weight
	}
	id := fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.Intn(1<<16), r.Intn(1<<12), r.Intn(1<<12), r.Int63n(1<<48))
	o := outcome{ID: id, Kind: calls[chosen].kind, Begin: seconds(time.Now())}
	ctx, stop := context.WithTimeout(context.Background(), 40*time.Second)
	defer stop()
	code, err := calls[chosen].call(ctx, id, r)
	o.End, o.Status, o.OK = seconds(time.Now()), code, err == nil
	if err != nil {
		o.Why = fmt.Sprintf("%.200s", err.Error())
	}
	return o
}

// expect: a whole answer with 200 and this body.
func expect(r *http.Response, body []byte, err error, good []byte) (int, error) {
	if err != nil {
		return 0, err
	}
	if r.StatusCode == 200 && !bytes.Equal(body, good) {
		return 200, fmt.Errorf("WRONG BODY: %d octets, not %d", len(body), len(good))
	}
	return r.StatusCode, want("status", r.StatusCode, 200)
}

// whole: an error leaves no status.
func whole(err error) (int, error) {
	if err != nil {
		return 0, err
	}
	return 200, nil
}

func httpCalls(c *client) []weighted {
	with := func(ctx context.Context, id string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("X-Request-Id", id)
			*r = *r.WithContext(ctx)
		}
	}
	all := []weighted{
		{"echo", 40, func(ctx context.Context, id string, r *rand.Rand) (int, error) {
			text := pattern(r.Intn(30000))
			a, b, err := c.get("POST", "/echo", bytes.NewReader(text), with(ctx, id))
			return expect(a, b, err, text)
		}},
		{"get", 40, func(ctx context.Context, id string, r *rand.Rand) (int, error) {
			n := r.Intn(100000)
			a, b, err := c.get("GET", "/bytes?n="+strconv.Itoa(n), nil, with(ctx, id))
			return expect(a, b, err, pattern(n))
		}},
		{"upload", 3, func(ctx context.Context, id string, r *rand.Rand) (int, error) {
			data := pattern(1 << 20)
			a, b, err := c.get("POST", "/sum", hidden{bytes.NewReader(data)}, with(ctx, id))
			return expect(a, b, err, []byte(sum(data)))
		}},
		{"download", 3, func(ctx context.Context, id string, r *rand.Rand) (int, error) {
			a, b, err := c.get("GET", "/bytes?n=2000000", nil, with(ctx, id))
			return expect(a, b, err, pattern(2000000))
		}},
		{"trailers", 5, func(ctx context.Context, id string, r *rand.Rand) (int, error) {
			a, b, err := c.get("POST", "/trailers", hidden{strings.NewReader("abc")}, with(ctx, id))
			if err == nil && a.StatusCode == 200 {
				err = want("trailer", a.Trailer.Get("X-Sum"), sum([]byte("abc")))
			}
			return expect(a, b, err, []byte("trailed"))
		}},
		{"slow", 1, func(ctx context.Context, id string, r *rand.Rand) (int, error) {
			a, b, err := c.get("GET", "/slow", nil, with(ctx, id))
			return expect(a, b, err, bytes.Repeat(pattern(1000), 100))
		}},
		{"early", 2, func(ctx context.Context, id string, r *rand.Rand) (int, error) {
			a, _, err := c.get("POST", "/early", bytes.NewReader(pattern(300000)), with(ctx, id))
			if err != nil {
				return 0, err
			}
			return a.StatusCode, want("status", a.StatusCode, 413)
		}},
		{"abort", 2, func(ctx context.Context, id string, r *rand.Rand) (int, error) { // cut short by the server: never a whole answer
			a, b, err := c.get("GET", "/abort"+[]string{"", "?length=1"}[r.Intn(2)], nil, with(ctx, id))
			if err == nil && a.StatusCode == 200 {
				return 200, fmt.Errorf("ENDED CLEANLY: %d octets", len(b))
			}
			return 0, nil
		}},
		{"cancel", 4, func(ctx context.Context, id string, r *rand.Rand) (int, error) { // the client goes away, at any time
			ctx, stop := context.WithTimeout(ctx, time.Duration(r.Intn(30))*time.Millisecond)
			defer stop()
			c.get("POST", []string{"/sum", "/slow", "/duplex", "/bytes?n=2000000"}[r.Intn(4)], bytes.NewReader(pattern(r.Intn(300000))), with(ctx, id))
			return 0, nil
		}},
	}
	if c.h2 {
		all = append(all, weighted{"duplex", 3, func(ctx context.Context, id string, r *rand.Rand) (int, error) {
			return whole(duplex(c, with(ctx, id)))
		}})
	}
	return all
}

func grpcCalls(c *client) []weighted {
	stub := testgrpc.NewTestServiceClient(c.grpc)
	with := func(ctx context.Context, id string) context.Context {
		return metadata.AppendToOutgoingContext(ctx, "x-request-id", id)
	}
	payload := func(n int) *testgrpc.Payload { return &testgrpc.Payload{Body: make([]byte, n)} }
	return []weighted{
		{"unary", 60, func(ctx context.Context, id string, r *rand.Rand) (int, error) {
			n := r.Intn(50000)
			a, err := stub.UnaryCall(with(ctx, id), &testgrpc.SimpleRequest{ResponseSize: int32(n), Payload: payload(r.Intn(50000))})
			if err == nil {
				err = want("size", len(a.Payload.Body), n)
			}
			return whole(err)
		}},
		{"status", 5, func(ctx context.Context, id string, r *rand.Rand) (int, error) {
			_, err := stub.UnaryCall(with(ctx, id), &testgrpc.SimpleRequest{ResponseStatus: &testgrpc.EchoStatus{Code: 5, Message: "not there"}})
			if s := status.Convert(err); s.Code() == codes.NotFound && s.Message() == "not there" {
				return 200, nil
			}
			return 0, err
		}},
		{"collect", 5, func(ctx context.Context, id string, r *rand.Rand) (int, error) {
			s, err := stub.StreamingInputCall(with(ctx, id))
			for i := 0; i < 10 && err == nil; i++ {
				if err = s.Send(&testgrpc.StreamingInputCallRequest{Payload: payload(i * 3000)}); errors.Is(err, io.EOF) {
					err = nil
					break
				}
			}
			if err == nil {
				var a *testgrpc.StreamingInputCallResponse
				if a, err = s.CloseAndRecv(); err == nil {
					err = want("size", a.AggregatedPayloadSize, 45*3000)
				}
			}
			return whole(err)
		}},
		{"chat", 10, func(ctx context.Context, id string, r *rand.Rand) (int, error) {
			return whole(chat(with(ctx, id), stub, r))
		}},
		{"cancel", 5, func(ctx context.Context, id string, r *rand.Rand) (int, error) {
			ctx, stop := context.WithTimeout(ctx, time.Duration(r.Intn(20))*time.Millisecond)
			defer stop()
			chat(with(ctx, id), stub, r)
			return 0, nil
		}},
	}
}

func chat(ctx context.Context, stub testgrpc.TestServiceClient, r *rand.Rand) error {
	s, err := stub.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	for i := 0; i < 10; i++ {
		n := r.Intn(20000)
		ask := &testgrpc.StreamingOutputCallRequest{ResponseParameters: []*testgrpc.ResponseParameters{{Size: int32(n)}}}
		if err := s.Send(ask); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		a, err := s.Recv()
		if err != nil {
			return err
		}
		if err := want("size", len(a.Payload.Body), n); err != nil {
			return err
		}
	}
	s.CloseSend()
	if _, err := s.Recv(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("no end: %w", err)
	}
	return nil
}
