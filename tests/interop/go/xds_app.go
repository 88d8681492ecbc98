// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	credentials "google.golang.org/grpc/credentials/xds"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/xds"
)

// octets are messages as they are, without a schema.
type octets struct{}

func (octets) Name() string                          { return "octets" }
func (octets) Marshal(v interface{}) ([]byte, error) { return *v.(*[]byte), nil }
func (octets) Unmarshal(data []byte, v interface{}) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

// echo is what generated code would be: a handler behind the interceptor, which is where xDS judges calls.
func echo(_ interface{}, ctx context.Context, read func(interface{}) error, around grpc.UnaryServerInterceptor) (interface{}, error) {
	message := new([]byte)
	if err := read(message); err != nil {
		return nil, err
	}
	handler := func(_ context.Context, m interface{}) (interface{}, error) { return m, nil }
	return around(ctx, message, &grpc.UnaryServerInfo{FullMethod: "/weft.Echo/Unary"}, handler)
}

var echoService = grpc.ServiceDesc{ServiceName: "weft.Echo", HandlerType: (*interface{})(nil),
	Methods: []grpc.MethodDesc{{MethodName: "Unary", Handler: echo}}}

// serveWithXDS is /weft.Echo/ behind what the control plane says (GRPC_XDS_BOOTSTRAP). Connections are short, so that each certificate
// is used.
func serveWithXDS(addr string) {
	creds, err := credentials.NewServerCredentials(credentials.ServerOptions{FallbackCreds: insecure.NewCredentials()})
	if err != nil {
		panic(err)
	}
	mode := func(at net.Addr, change xds.ServingModeChangeArgs) {
		if change.Mode == connectivity.ServingModeServing {
			fmt.Println("READY", at)
		}
	}
	s, err := xds.NewGRPCServer(grpc.Creds(creds), grpc.ForceServerCodec(octets{}), xds.ServingModeCallback(mode),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: time.Second}))
	if err != nil {
		panic(err)
	}
	s.RegisterService(&echoService, nil)
	panic(s.Serve(bind([]string{addr})))
}

// callWithXDS makes a call of each line that comes, and says "OK ANSWER" or the status.
func callWithXDS(target, method string) {
	creds, err := credentials.NewClientCredentials(credentials.ClientOptions{FallbackCreds: insecure.NewCredentials()})
	if err != nil {
		panic(err)
	}
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(creds), grpc.WithDefaultCallOptions(grpc.ForceCodec(octets{})))
	if err != nil {
		panic(err)
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		said, answer := []byte(in.Text()), new([]byte)
		if err := conn.Invoke(ctx, method, &said, answer); err != nil {
			fmt.Println(status.Code(err), status.Convert(err).Message())
		} else {
			fmt.Printf("OK %s\n", *answer)
		}
		cancel()
	}
}
