// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
)

type client struct {
	http.Client
	authority string
	h2        bool
	grpc      *grpc.ClientConn // of load.go
}

func newClient(proto, addr, authority string) *client {
	c := &client{authority: authority, h2: proto == "h2"}
	c.Timeout = 60 * time.Second
	dial := func(ctx context.Context) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, "tcp", addr) }
	if c.h2 {
		c.Transport = &http2.Transport{AllowHTTP: true,
			DialTLSContext: func(ctx context.Context, _, _ string, _ *tls.Config) (net.Conn, error) { return dial(ctx) }}
	} else {
		c.Transport = &http.Transport{DisableCompression: true, ExpectContinueTimeout: 30 * time.Second,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }}
	}
	return c
}

// hidden keeps net/http from seeing what a reader is: so there is no length.
type hidden struct{ io.Reader }

func (c *client) do(method, path string, body io.Reader, change ...func(*http.Request)) (*http.Response, error) {
	r, err := http.NewRequest(method, "http://"+c.authority+path, body)
	if err != nil {
		return nil, err
	}
	for _, f := range change {
		f(r)
	}
	return c.Do(r)
}

// get is one call to its end; the body is whole or it is an error.
func (c *client) get(method, path string, body io.Reader, change ...func(*http.Request)) (*http.Response, []byte, error) {
	r, err := c.do(method, path, body, change...)
	if err != nil {
		return nil, nil, err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	return r, b, err
}

func want(name string, got, want interface{}) error {
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Errorf("%s is %.200s, not %.200s", name, fmt.Sprint(got), fmt.Sprint(want))
	}
	return nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

const big = 8 << 20

var cases = map[string]func(*client) error{
	"echo": func(c *client) error {
		r, b, err := c.get("PUT", "/echo?a=%2f&b", strings.NewReader("hello"), func(r *http.Request) {
			r.Header["X-In-Twice"] = []string{"one", "two"}
			r.Header.Set("Cookie", "x=1; y=2")
		})
		if err != nil {
			return err
		}
		return first(want("status", r.StatusCode, 200), want("body", string(b), "hello"), want("method", r.Header.Get("X-Method"), "PUT"),
			want("uri", r.Header.Get("X-Uri"), "/echo?a=%2f&b"), want("fields", r.Header.Values("X-Got-X-In-Twice"), []string{"one", "two"}),
			want("cookie", r.Header.Values("X-Got-Cookie"), []string{"x=1; y=2"}), want("set-cookie", r.Header.Values("Set-Cookie"), []string{"a=1", "b=2"}))
	},
	"head": func(c *client) error {
		r, b, err := c.get("HEAD", "/bytes?n=1234567", nil)
		if err != nil {
			return err
		}
		return first(want("status", r.StatusCode, 200), want("length", r.ContentLength, 1234567), want("body", len(b), 0))
	},
	"none": func(c *client) error {
		for _, code := range []int{204, 304} {
			r, b, err := c.get("GET", "/status?code="+strconv.Itoa(code), nil)
			if err != nil {
				return err
			}
			if err := first(want("status", r.StatusCode, code), want("body", len(b), 0)); err != nil {
				return err
			}
		}
		return nil
	},
	"upload": func(c *client) error {
		data := pattern(big)
		for _, reader := range []io.Reader{bytes.NewReader(data), hidden{bytes.NewReader(data)}} {
			r, b, err := c.get("POST", "/sum", reader)
			if err != nil {
				return err
			}
			if err := first(want("status", r.StatusCode, 200), want("sum", string(b), sum(data))); err != nil {
				return err
			}
		}
		return nil
	},
	"download": func(c *client) error {
		r, b, err := c.get("GET", "/bytes?n="+strconv.Itoa(big), nil)
		if err != nil {
			return err
		}
		return first(want("length", r.ContentLength, big), want("sum", sum(b), sum(pattern(big))))
	},
	"expect": func(c *client) error {
		r, b, err := c.get("POST", "/sum", strings.NewReader("waited"), func(r *http.Request) { r.Header.Set("Expect", "100-continue") })
		if err != nil {
			return err
		}
		return first(want("status", r.StatusCode, 200), want("sum", string(b), sum([]byte("waited"))))
	},
	"trailers": func(c *client) error {
		r, b, err := c.get("POST", "/trailers", hidden{strings.NewReader("abc")}, func(r *http.Request) {
			r.Trailer = http.Header{"X-T-Sent": {"by client"}}
			r.Header.Set("TE", "trailers")
		})
		if err != nil {
			return err
		}
		return first(want("body", string(b), "trailed"), want("sum", r.Trailer.Get("X-Sum"), sum([]byte("abc"))),
			want("trailer", r.Trailer.Get("X-T-Sent"), "by client"))
	},
	"hints": func(c *client) error {
		hints := ""
		trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints += fmt.Sprint(code, h.Get("Link"))
			return nil
		}}
		r, b, err := c.get("GET", "/hints", nil, func(r *http.Request) { *r = *r.WithContext(httptrace.WithClientTrace(r.Context(), trace)) })
		if err != nil {
			return err
		}
		return first(want("hints", hints, "103</a.css>; rel=preload"), want("status", r.StatusCode, 200), want("body", string(b), "hinted"))
	},
	"abort": func(c *client) error {
		for _, path := range []string{"/abort", "/abort?length=1"} {
			if r, b, err := c.get("GET", path, nil); err == nil {
				return fmt.Errorf("%s: a message cut short ended cleanly: %d, %d octets", path, r.StatusCode, len(b))
			}
		}
		return nil
	},
	"early": func(c *client) error {
		r, b, err := c.get("POST", "/early", hidden{bytes.NewReader(pattern(big))})
		if err != nil {
			return err
		}
		return first(want("status", r.StatusCode, 413), want("body", string(b), "too much"))
	},
	"duplex": func(c *client) error { return duplex(c) },
	"many":   many,
}

// duplex: each word comes back before the next is sent.
func duplex(c *client, change ...func(*http.Request)) error {
	in, out := io.Pipe()
	defer out.Close()
	r, err := c.do("POST", "/duplex", in, change...)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if err := want("status", r.StatusCode, 200); err != nil {
		return err
	}
	for i := 0; i < 20; i++ {
		word := pattern(1 + i*1000)
		go out.Write(word)
		back := make([]byte, len(word))
		if _, err := io.ReadFull(r.Body, back); err != nil {
			return err
		}
		if err := want("word", back, word); err != nil {
			return err
		}
	}
	out.Close()
	rest, err := io.ReadAll(r.Body)
	return first(err, want("rest", len(rest), 0))
}

// many: 100 at once, none gets another's answer.
func many(c *client) error {
	done := make(chan error)
	for i := 0; i < 100; i++ {
		go func(text string) {
			_, b, err := c.get("POST", "/echo", strings.NewReader(text))
			done <- first(err, want("body", string(b), text))
		}(strings.Repeat(strconv.Itoa(i), 1+i*50))
	}
	var err error
	for i := 0; i < 100; i++ {
		err = first(err, <-done)
	}
	return err
}

func runCases(c *client, names []string) {
	for _, name := range names {
		if err := cases[name](c); err != nil {
			fmt.Println("FAIL", name, err)
			os.Exit(1)
		}
		fmt.Println("ok", name)
	}
}
