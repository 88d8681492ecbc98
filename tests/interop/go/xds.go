// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	router "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	matcher "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// heard is what a client said.
type heard struct {
	Type, Version, Nonce, Error string
	Names                       []string
	Held                        map[string]string
	Node                        string
}

// log keeps what came; it is the server's callbacks.
type log struct {
	server.CallbackFuncs
	mu  sync.Mutex
	all []heard
}

func (l *log) add(h heard) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, h)
	return nil
}

func short(url string) string {
	for i := len(url) - 1; i >= 0; i-- {
		if url[i] == '.' {
			return url[i+1:]
		}
	}
	return url
}

func (l *log) OnStreamRequest(_ int64, r *discovery.DiscoveryRequest) error {
	return l.add(heard{Type: short(r.TypeUrl), Version: r.VersionInfo, Nonce: r.ResponseNonce, Error: r.GetErrorDetail().GetMessage(),
		Names: r.ResourceNames, Node: r.GetNode().GetId()})
}

func (l *log) OnStreamDeltaRequest(_ int64, r *discovery.DeltaDiscoveryRequest) error {
	return l.add(heard{Type: short(r.TypeUrl), Nonce: r.ResponseNonce, Error: r.GetErrorDetail().GetMessage(), Names: r.ResourceNamesSubscribe,
		Held: r.InitialResourceVersions, Node: r.GetNode().GetId()})
}

func wrap(m proto.Message) *anypb.Any {
	a, err := anypb.New(m)
	if err != nil {
		panic(err)
	}
	return a
}

func overADS() *core.ConfigSource {
	return &core.ConfigSource{ResourceApiVersion: core.ApiVersion_V3, ConfigSourceSpecifier: &core.ConfigSource_Ads{Ads: &core.AggregatedConfigSource{}}}
}

func at(addr string) *core.Address {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		panic(err)
	}
	port, _ := strconv.Atoi(text)
	return &core.Address{Address: &core.Address_SocketAddress{SocketAddress: &core.SocketAddress{Address: host,
		PortSpecifier: &core.SocketAddress_PortValue{PortValue: uint32(port)}}}}
}

func makeListener(name, table string) types.Resource {
	manager := &hcm.HttpConnectionManager{StatPrefix: name,
		RouteSpecifier: &hcm.HttpConnectionManager_Rds{Rds: &hcm.Rds{ConfigSource: overADS(), RouteConfigName: table}},
		HttpFilters:    []*hcm.HttpFilter{{Name: "router", ConfigType: &hcm.HttpFilter_TypedConfig{TypedConfig: wrap(&router.Router{})}}}}
	filter := &listener.Filter{Name: "hcm", ConfigType: &listener.Filter_TypedConfig{TypedConfig: wrap(manager)}}
	return &listener.Listener{Name: name, Address: at("127.0.0.1:0"), FilterChains: []*listener.FilterChain{{Filters: []*listener.Filter{filter}}}}
}

func makeTable(name, to string, bad bool) types.Resource {
	match := &route.RouteMatch{PathSpecifier: &route.RouteMatch_Prefix{Prefix: "/"}}
	if bad {
		match.PathSpecifier = &route.RouteMatch_SafeRegex{SafeRegex: &matcher.RegexMatcher{Regex: "("}}
	}
	action := &route.Route_Route{Route: &route.RouteAction{ClusterSpecifier: &route.RouteAction_Cluster{Cluster: to}}}
	return &route.RouteConfiguration{Name: name, VirtualHosts: []*route.VirtualHost{{Name: "all", Domains: []string{"*"},
		Routes: []*route.Route{{Match: match, Action: action}}}}}
}

func makeCluster(name string) types.Resource {
	return &cluster.Cluster{Name: name, ClusterDiscoveryType: &cluster.Cluster_Type{Type: cluster.Cluster_EDS},
		EdsClusterConfig: &cluster.Cluster_EdsClusterConfig{EdsConfig: overADS()}}
}

func makeEndpoints(name, addr string) types.Resource {
	one := &endpoint.LbEndpoint{HostIdentifier: &endpoint.LbEndpoint_Endpoint{Endpoint: &endpoint.Endpoint{Address: at(addr)}}}
	return &endpoint.ClusterLoadAssignment{ClusterName: name, Endpoints: []*endpoint.LocalityLbEndpoints{{LbEndpoints: []*endpoint.LbEndpoint{one}}}}
}

// wanted is a snapshot as the test describes it: a listener each, which goes by a table of its name, to a cluster, at an address.
type wanted struct {
	Version   string
	Clusters  map[string]string // name: address
	Listeners map[string]string // name: cluster
	Bad       bool              // the tables cannot be used
}

func (w *wanted) snapshot() *cache.Snapshot {
	all := map[resource.Type][]types.Resource{}
	for name, addr := range w.Clusters {
		all[resource.ClusterType] = append(all[resource.ClusterType], makeCluster(name))
		all[resource.EndpointType] = append(all[resource.EndpointType], makeEndpoints(name, addr))
	}
	for name, to := range w.Listeners {
		all[resource.ListenerType] = append(all[resource.ListenerType], makeListener(name, name))
		all[resource.RouteType] = append(all[resource.RouteType], makeTable(name, to, w.Bad))
	}
	s, err := cache.NewSnapshot(w.Version, all)
	if err != nil {
		panic(err)
	}
	return s
}

// serveXDS is go-control-plane, state of the world and delta, for the node "me": PUT /snapshot gives it something to serve, GET /heard
// says what clients said.
func serveXDS(grpcAt, httpAt net.Listener) {
	said := &log{}
	snapshots := cache.NewSnapshotCache(true, cache.IDHash{}, nil)
	g := grpc.NewServer()
	discovery.RegisterAggregatedDiscoveryServiceServer(g, server.NewServer(context.Background(), snapshots, said))
	http.HandleFunc("/snapshot", func(w http.ResponseWriter, r *http.Request) {
		var want wanted
		if err := json.NewDecoder(r.Body).Decode(&want); err != nil {
			panic(err)
		}
		ctx, cancel := context.WithTimeout(r.Context(), 30*time.Second)
		defer cancel()
		if err := snapshots.SetSnapshot(ctx, "me", want.snapshot()); err != nil {
			panic(err)
		}
	})
	http.HandleFunc("/heard", func(w http.ResponseWriter, r *http.Request) {
		said.mu.Lock()
		defer said.mu.Unlock()
		if err := json.NewEncoder(w).Encode(said.all); err != nil {
			panic(err)
		}
	})
	fmt.Println("READY", grpcAt.Addr(), httpAt.Addr())
	go func() { panic(http.Serve(httpAt, nil)) }()
	panic(g.Serve(grpcAt))
}
