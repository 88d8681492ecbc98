// SPDX-License-Identifier: Apache-2.0

// The peers in Go: net/http with HTTP/1.1 and h2c, and grpc-go's interop client and server.
//
//	peer http-server                    the routes of serve.go, HTTP/1.1 and HTTP/2 by prior knowledge on one port
//	peer hop ADDR AUTHORITY             httputil.ReverseProxy to AUTHORITY at ADDR
//	peer http-client h1|h2 ADDR AUTHORITY CASE...
//	peer grpc-server
//	peer grpc-client ADDR AUTHORITY CASE...
//	peer xds [ADDR]                     go-control-plane: xds.go; says "READY GRPC-ADDR HTTP-ADDR"
//	peer xds-serve ADDR                 grpc-go's server and client with configuration by xDS: xds_app.go
//	peer xds-call TARGET METHOD
//	peer load h1|h2|grpc ADDR AUTHORITY SEED [KIND-TO-LEAVE-OUT...]    for ./dev soak: load.go
//
// A server takes an address to listen on (default 127.0.0.1:0), says "READY 127.0.0.1:PORT" and ends when it is killed. A client says
// "ok CASE" for each, or fails.
package main

import (
	"fmt"
	"net"
	"os"
)

func bind(args []string) net.Listener {
	l, err := net.Listen("tcp", append(args, "127.0.0.1:0")[0])
	if err != nil {
		panic(err)
	}
	return l
}

func listen(args []string) net.Listener {
	l := bind(args)
	fmt.Println("READY", l.Addr())
	return l
}

func main() {
	args := os.Args[2:]
	switch os.Args[1] {
	case "http-server":
		serveHTTP(listen(args), routes())
	case "hop":
		serveHTTP(listen(args[2:]), hop(args[0], args[1]))
	case "http-client":
		runCases(newClient(args[0], args[1], args[2]), args[3:])
	case "grpc-server":
		serveGRPC(listen(args))
	case "grpc-client":
		callGRPC(args[0], args[1], args[2:])
	case "xds":
		serveXDS(bind(args), bind(nil))
	case "xds-serve":
		serveWithXDS(args[0])
	case "xds-call":
		callWithXDS(args[0], args[1])
	case "load":
		load(args[0], args[1], args[2], args[3], args[4:])
	default:
		panic("unknown peer: " + os.Args[1])
	}
}
