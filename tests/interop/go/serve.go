// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
)

func serveHTTP(l net.Listener, h http.Handler) {
	panic(http.Serve(l, h2c.NewHandler(h, &http2.Server{})))
}

// pattern is what /bytes answers with, and what the clients expect.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

func sum(b []byte) string {
	return fmt.Sprintf("%d %x", len(b), sha256.Sum256(b))
}

func number(r *http.Request, key string) int {
	n, err := strconv.Atoi(r.URL.Query().Get(key))
	if err != nil {
		panic(err)
	}
	return n
}

func body(r *http.Request) []byte {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return b
}

// routes are the same in every language; peers.py says what each does.
func routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		b := body(r)
		for name, values := range r.Header {
			if strings.HasPrefix(name, "X-In-") || name == "Cookie" {
				w.Header()["X-Got-"+name] = values
			}
		}
		w.Header().Set("X-Method", r.Method)
		w.Header().Set("X-Proto", r.Proto)
		w.Header().Set("X-Uri", r.RequestURI)
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.Write(b)
	})
	mux.HandleFunc("/sum", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, sum(body(r))) })
	mux.HandleFunc("/bytes", func(w http.ResponseWriter, r *http.Request) {
		b := pattern(number(r, "n"))
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		w.Write(b)
	})
	mux.HandleFunc("/status", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(number(r, "code")) })
	mux.HandleFunc("/trailers", serveTrailers)
	mux.HandleFunc("/hints", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		io.WriteString(w, "hinted")
	})
	mux.HandleFunc("/abort", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("length") != "" {
			w.Header().Set("Content-Length", "1000000")
		}
		w.Write(pattern(50000))
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/early", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		io.WriteString(w, "too much")
	})
	mux.HandleFunc("/duplex", serveDuplex)
	mux.HandleFunc("/slow", serveSlow)
	mux.HandleFunc("/tunnel", serveTunnel)
	return mux
}

func serveTrailers(w http.ResponseWriter, r *http.Request) {
	b := body(r)
	io.WriteString(w, "trailed")
	w.(http.Flusher).Flush()
	w.Header().Set(http.TrailerPrefix+"X-Sum", sum(b))
	for name, values := range r.Trailer {
		w.Header()[http.TrailerPrefix+name] = values
	}
}

func serveDuplex(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	b := make([]byte, 65536)
	for {
		n, err := r.Body.Read(b)
		if n > 0 {
			w.Write(b[:n])
			w.(http.Flusher).Flush()
		}
		if err == io.EOF {
			return
		} else if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// serveSlow sends a hundred pieces, each a little later.
func serveSlow(w http.ResponseWriter, r *http.Request) {
	for i := 0; i < 100; i++ {
		w.Write(pattern(1000))
		w.(http.Flusher).Flush()
		select {
		case <-time.After(5 * time.Millisecond):
		case <-r.Context().Done():
			return
		}
	}
}

// serveTunnel is switched to, and gives back what it gets until there is no more.
func serveTunnel(w http.ResponseWriter, r *http.Request) {
	conn, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
	io.Copy(conn, buffered)
}

// hop is one more proxy on the way.
func hop(addr, authority string) http.Handler {
	p := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: addr})
	p.FlushInterval = -1
	direct := p.Director
	p.Director = func(r *http.Request) {
		direct(r)
		r.Host = authority
	}
	p.Transport = &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}}
	return p
}
