// SPDX-License-Identifier: GPL-2.0-or-later
/* DNS and control traffic as this host's stack sends and receives it. One copy of the object is loaded for each
 * network namespace, with the maps of the first; the programs are attached to its devices by user/probe/net.c. None
 * of them changes a packet or its way.
 *
 * Fragments are seen here before the stack joins them and after it has split them. The first one has the ports: it
 * is told of as far as it goes and counted as a loss.
 */
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#include "zw_dns.h"
#include "zw_packet.h"
#include "zw_ports.h"
#include "zw_query_message.h"
#include "zw_stream.h"

/* Tags in the frame itself; one more may be beside it. */
#define MAX_TAGS 2
/* Extension headers of IPv6 that are walked. A packet of this host's has two at most, options and a fragment's. */
#define MAX_EXTENSIONS 8
#define PACKET_OTHERHOST 3 /* include/uapi/linux/if_packet.h */
#define IP_OFFSET 0x1fff
#define IP_MORE 0x2000
#define IP6_OFFSET 0xfff8
#define IP6_MORE 0x0001

/* Devices with VLAN devices above them, where tagged packets are seen without their tag. The key is namespace and
 * index, the value how many. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u32);
} zw_below_vlan SEC(".maps");

/* Headers of one packet, where they are and what they say. */
struct headers {
	__u32 l3, l4; /* offsets */
	__u32 end;    /* offset behind the last byte of the IP packet */
	__u8 family;
	__u8 proto;
	__u8 fragment; /* 0; 1: the first; 2: another */
	__u8 tagged;
};

static __always_inline bool is_tag(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD);
}

/* Finds the network header behind Ethernet's and up to MAX_TAGS tags. */
static __always_inline bool walk_ethernet(struct __sk_buff *skb, struct headers *h)
{
	__be16 proto = skb->protocol;
	struct {
		__be16 tci, proto;
	} tag;

	h->l3 = ETH_HLEN;
	h->tagged = skb->vlan_present;
	for (int i = 0; i < MAX_TAGS && is_tag(proto); i++) {
		if (bpf_skb_load_bytes(skb, h->l3, &tag, sizeof(tag)) < 0)
			return false;
		proto = tag.proto;
		h->l3 += sizeof(tag);
		h->tagged = 1;
	}
	h->family = proto == bpf_htons(ETH_P_IP)     ? ZW_AF_INET
		    : proto == bpf_htons(ETH_P_IPV6) ? ZW_AF_INET6
						     : 0;
	return h->family != 0;
}

static __always_inline bool walk_no_link(struct __sk_buff *skb, struct headers *h)
{
	__be16 proto = skb->protocol;

	h->l3 = 0;
	h->tagged = 0;
	h->family = proto == bpf_htons(ETH_P_IP)     ? ZW_AF_INET
		    : proto == bpf_htons(ETH_P_IPV6) ? ZW_AF_INET6
						     : 0;
	return h->family != 0;
}

static __always_inline bool walk_ip4(struct __sk_buff *skb, struct headers *h, struct flow_key *key)
{
	__u32 len, room = skb->len - h->l3;
	struct iphdr ip;
	__u16 frag;

	if (bpf_skb_load_bytes(skb, h->l3, &ip, sizeof(ip)) < 0 || ip.version != 4 || ip.ihl < 5)
		return false;
	/* 0: larger than the field, from segmentation offload. */
	len = bpf_ntohs(ip.tot_len);
	if (len == 0 || len > room)
		len = room;
	frag = bpf_ntohs(ip.frag_off);
	h->fragment = frag & IP_OFFSET ? 2 : frag & IP_MORE ? 1 : 0;
	h->proto = ip.protocol;
	h->l4 = h->l3 + ip.ihl * 4;
	h->end = h->l3 + len;
	*(__be32 *)key->saddr = ip.saddr;
	*(__be32 *)key->daddr = ip.daddr;
	return true;
}

/* RFC 8200 4, RFC 4302 2.2. Counts what it gives up on. */
static __always_inline bool walk_extensions(struct __sk_buff *skb, struct headers *h, __u8 next)
{
	struct {
		__u8 next, len;
		__be16 frag;
	} x;

	for (int i = 0; i < MAX_EXTENSIONS; i++) {
		h->proto = next;
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
			next != IPPROTO_FRAGMENT && next != IPPROTO_AH && next != IPPROTO_MH)
			return true;
		if (bpf_skb_load_bytes(skb, h->l4, &x, sizeof(x)) < 0)
			break;
		if (next == IPPROTO_FRAGMENT) {
			__u16 frag = bpf_ntohs(x.frag);

			h->fragment = frag & IP6_OFFSET ? 2 : frag & IP6_MORE ? 1 : 0;
			h->l4 += 8;
			if (h->fragment == 2)
				return true;
		} else if (next == IPPROTO_AH) {
			h->l4 += (x.len + 2) * 4;
		} else {
			h->l4 += (x.len + 1) * 8;
		}
		next = x.next;
	}
	zw_count_drop(ZW_DROP_NET_HEADERS);
	return false;
}

static __always_inline bool walk_ip6(struct __sk_buff *skb, struct headers *h, struct flow_key *key)
{
	__u32 len, room = skb->len - h->l3;
	struct {
		__be32 flow;
		__be16 payload_len;
		__u8 nexthdr, hop_limit;
	} ip;

	if (bpf_skb_load_bytes(skb, h->l3, &ip, sizeof(ip)) < 0 ||
		(bpf_ntohl(ip.flow) >> 28) != 6 ||
		bpf_skb_load_bytes(skb, h->l3 + sizeof(ip), key->saddr, 32) < 0)
		return false;
	len = sizeof(struct ipv6hdr) + bpf_ntohs(ip.payload_len);
	/* 0: a jumbogram or segmentation offload. */
	if (ip.payload_len == 0 || len > room)
		len = room;
	h->end = h->l3 + len;
	h->l4 = h->l3 + sizeof(struct ipv6hdr);
	h->fragment = 0;
	h->proto = ip.nexthdr;
	if (h->proto == IPPROTO_UDP || h->proto == IPPROTO_TCP)
		return true;
	return walk_extensions(skb, h, h->proto);
}

/* What the ports are served for, and by which end; 0: nothing. */
static __always_inline __u8 ports_of_interest(__u16 sport, __u16 dport, __u8 *ret_to_server)
{
	__u32 zero = 0;
	struct zw_ports *ports = bpf_map_lookup_elem(&zw_ports, &zero);
	__u8 flags;

	if (!ports)
		return 0;
	flags = zw_port_flags(ports, dport);
	*ret_to_server = flags != 0;
	return flags ? flags : zw_port_flags(ports, sport);
}

/* A datagram, several of one size in one piece (UDP_SEGMENT), or the first fragment of one. */
static __always_inline void on_udp(struct __sk_buff *skb, struct packet *p, struct zw_traffic *t)
{
	__u32 segment = skb->gso_size, bytes = p->payload_bytes;
	bool several = segment && bytes > segment, control;
	__u64 look;

	if (bytes == 0)
		return;
	look = zw_dns_look(skb, p->payload, bytes);
	control = LOOK_KIND(look) == MESSAGE_CONTROL ||
		  (LOOK_KIND(look) == MESSAGE_TRANSFER && LOOK_CLASS(look) != ZW_QUERY_BROKEN);
	/* A fragment hides the rest, several datagrams all but the first. */
	if (p->fragment) {
		zw_count_drop(ZW_DROP_NET_FRAGMENT);
		control |= LOOK_KIND(look) == MESSAGE_SHORT;
	}
	control |= several;
	if (!control && zw_query_message(skb, p, p->payload, bytes,
				MESSAGE_HOW(bytes, LOOK_CLASS(look))) >= 0)
		return;
	count_message(t, p->direction, 0, look, bytes, control);
	if (!control)
		return;
	if (p->direction == ZW_DIRECTION_OUT && p->to_server)
		zw_query_leaves(skb, p, bytes);
	p->from = p->payload;
	p->bytes = bytes;
	p->segment_bytes = several ? segment : 0;
	if (p->fragment)
		p->flags = ZW_PACKET_FRAGMENT | ZW_PACKET_CUT;
	if (bytes > ZW_PACKET_ROOM_4) {
		zw_count_drop(ZW_DROP_NET_SEGMENTS);
		p->bytes = ZW_PACKET_ROOM_4;
		p->flags |= ZW_PACKET_CUT;
	}
	zw_packet_emit(skb, p);
}

/* Ports and payload. Not 0: of interest. */
static __always_inline int walk_transport(
	struct __sk_buff *skb, const struct headers *h, struct packet *p)
{
	__u32 begin, udp_bytes;
	struct tcphdr l4 = {};

	/* Ports stand first in both. */
	p->tcp = h->proto == IPPROTO_TCP;
	if (bpf_skb_load_bytes(skb, h->l4, &l4, p->tcp ? sizeof(l4) : sizeof(struct udphdr)) < 0)
		return 0;
	p->key.sport = bpf_ntohs(l4.source);
	p->key.dport = bpf_ntohs(l4.dest);
	p->port_flags = ports_of_interest(p->key.sport, p->key.dport, &p->to_server);
	if (!p->port_flags)
		return 0;
	begin = h->l4 + (p->tcp ? l4.doff * 4 : sizeof(struct udphdr));
	if (begin > h->end || (p->tcp && l4.doff < 5)) {
		zw_count_drop(ZW_DROP_NET_HEADERS);
		return 0;
	}
	p->payload = begin;
	p->payload_bytes = h->end - begin;
	p->fragment = h->fragment;
	if (p->tcp) {
		p->seq = bpf_ntohl(l4.seq);
		p->ack = bpf_ntohl(l4.ack_seq);
		p->tcp_flags = ((__u8 *)&l4)[13];
		return 1;
	}
	/* What stands behind the datagram is no part of it; a first fragment holds less than its length says. */
	udp_bytes = bpf_ntohs(((struct udphdr *)&l4)->len) - sizeof(struct udphdr);
	if (udp_bytes < p->payload_bytes)
		p->payload_bytes = udp_bytes;
	return 1;
}

/* Fills @p with what the headers say; not 0 when the packet is of interest. */
__noinline int zw_packet_walk(struct __sk_buff *skb, struct packet *p, bool ethernet)
{
	struct headers h = {};

	if (!p)
		return 0;
	if (!(ethernet ? walk_ethernet(skb, &h) : walk_no_link(skb, &h)))
		return 0;
	if (!(h.family == ZW_AF_INET ? walk_ip4(skb, &h, &p->key) : walk_ip6(skb, &h, &p->key)))
		return 0;
	if (h.fragment == 2 || (h.proto != IPPROTO_UDP && h.proto != IPPROTO_TCP))
		return 0;
	if (!walk_transport(skb, &h, p))
		return 0;
	p->family = h.family;
	p->key.netns = zw_netns;
	p->key.ifindex = skb->ifindex;
	if (h.tagged) {
		__u64 key = (__u64)zw_netns << 32 | skb->ifindex;

		if (bpf_map_lookup_elem(&zw_below_vlan, &key))
			return 0;
	}
	return 1;
}

/* What nearly all packets are: of no interest, or one plain query or its answer in a datagram by itself. No copy of the
 * headers. False: it takes a closer look, or the headers do not lie in one piece. */
static __always_inline bool pass_quickly(
	struct __sk_buff *skb, struct query_scratch *s, struct packet *p, __u32 link_bytes)
{
	const void *end = (void *)(long)skb->data_end;
	const void *data = (void *)(long)skb->data;
	const void *l3 = data + link_bytes, *l4;
	const struct iphdr *ip4 = l3;
	const struct ipv6hdr *ip6 = l3;
	__be16 protocol = skb->protocol;
	const struct udphdr *udp;
	__u32 bytes, off;
	__u8 proto;
	int r;

	if (protocol == bpf_htons(ETH_P_IP)) {
		if ((void *)(ip4 + 1) > end || *(__u8 *)ip4 != 0x45 ||
			ip4->frag_off & bpf_htons(IP_OFFSET | IP_MORE))
			return false;
		proto = ip4->protocol;
		bytes = bpf_ntohs(ip4->tot_len) - sizeof(*ip4);
		l4 = ip4 + 1;
		p->family = ZW_AF_INET;
		copy4(p->key.saddr, ip4->saddr);
		copy4(p->key.daddr, ip4->daddr);
	} else if (protocol == bpf_htons(ETH_P_IPV6)) {
		if ((void *)(ip6 + 1) > end || ip6->version != 6)
			return false;
		proto = ip6->nexthdr;
		bytes = bpf_ntohs(ip6->payload_len);
		l4 = ip6 + 1;
		p->family = ZW_AF_INET6;
		__builtin_memcpy(p->key.saddr, &ip6->saddr, 32);
	} else {
		return false;
	}
	udp = l4;
	if ((proto != IPPROTO_UDP && proto != IPPROTO_TCP) || (void *)(udp + 1) > end)
		return false;
	p->key.sport = bpf_ntohs(udp->source);
	p->key.dport = bpf_ntohs(udp->dest);
	p->port_flags = ports_of_interest(p->key.sport, p->key.dport, &p->to_server);
	if (!p->port_flags)
		return true;
	if (proto != IPPROTO_UDP || p->port_flags != ZW_PORT_DNS || skb->gso_size ||
		skb->vlan_present || bpf_ntohs(udp->len) != bytes ||
		bytes < sizeof(*udp) + DNS_HEADER)
		return false;
	bytes -= sizeof(*udp);
	p->tcp = 0;
	/* The verifier looks once at what follows, not once for each family. */
	bytes = query_forget(s, bytes);
	off = query_forget(s, (__u32)((void *)(udp + 1) - data));
	r = query_message(skb, p, s, off, bytes, bytes, true);
	if (r == MESSAGE_TOO_LONG)
		r = zw_query_message(skb, p, s->off, s->bytes, s->bytes);
	return r >= 0;
}

/* The programs of devices only say where they are and go on in this one, so that the verifier looks once at what is many
 * thousand instructions. */
SEC("tc")
int zw_net_work(struct __sk_buff *skb)
{
	__u32 zero = 0, cpu = bpf_get_smp_processor_id(), link_bytes;
	struct query_scratch *s = bpf_map_lookup_elem(&zw_query_scratch, &cpu);
	__u8 hook, direction;
	struct zw_traffic *t;
	struct packet *p;

	if (!s)
		return ZW_TC_UNSPEC;
	p = &s->packet;
	/* No bound to compare with, which would be two ways to look at. */
	link_bytes = s->link_bytes & 15;
	if (pass_quickly(skb, s, p, link_bytes))
		return ZW_TC_UNSPEC;
	hook = p->hook;
	direction = p->direction;
	__builtin_memset(p, 0, sizeof(*p));
	p->hook = hook;
	p->direction = direction;
	if (!zw_packet_walk(skb, p, link_bytes))
		return ZW_TC_UNSPEC;
	t = bpf_map_lookup_elem(&zw_traffic, &zero);
	if (!t)
		return ZW_TC_UNSPEC;
	if (!p->tcp && p->port_flags & ZW_PORT_DNS)
		on_udp(skb, p, t);
	else if (p->tcp && p->fragment)
		zw_count_drop(ZW_DROP_NET_FRAGMENT);
	else if (p->tcp)
		on_tcp(skb, p, t);
	return ZW_TC_UNSPEC;
}

/* Of this copy alone: its program knows its namespace. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct __sk_buff *));
} zw_net_next SEC(".maps") = {
	.values = {[0] = (void *)&zw_net_work},
};

static __always_inline int on_packet(
	struct __sk_buff *skb, __u8 hook, __u8 direction, __u32 link_bytes)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct query_scratch *s;

	if (direction == ZW_DIRECTION_IN && skb->pkt_type == PACKET_OTHERHOST)
		return ZW_TC_UNSPEC;
	/* Forwarded: it was told of when it came in. */
	if (direction == ZW_DIRECTION_OUT && skb->ingress_ifindex)
		return ZW_TC_UNSPEC;
	s = bpf_map_lookup_elem(&zw_query_scratch, &cpu);
	if (!s)
		return ZW_TC_UNSPEC;
	s->packet.hook = hook;
	s->packet.direction = direction;
	s->link_bytes = link_bytes;
	bpf_tail_call(skb, &zw_net_next, 0);
	/* Nobody takes the program out of its place. */
	zw_count_drop(ZW_DROP_NET_HEADERS);
	return ZW_TC_UNSPEC;
}

SEC("tc")
int zw_net_in(struct __sk_buff *skb)
{
	return on_packet(skb, ZW_HOOK_TC_IN, ZW_DIRECTION_IN, ETH_HLEN);
}

SEC("tc")
int zw_net_out(struct __sk_buff *skb)
{
	return on_packet(skb, ZW_HOOK_TC_OUT, ZW_DIRECTION_OUT, ETH_HLEN);
}

SEC("tc")
int zw_net_in_l3(struct __sk_buff *skb)
{
	return on_packet(skb, ZW_HOOK_TC_IN_L3, ZW_DIRECTION_IN, 0);
}

SEC("tc")
int zw_net_out_l3(struct __sk_buff *skb)
{
	return on_packet(skb, ZW_HOOK_TC_OUT_L3, ZW_DIRECTION_OUT, 0);
}

/* Everything that is sent through the loopback device comes back in: once is enough, and the sender is known here. */
SEC("tc")
int zw_net_local(struct __sk_buff *skb)
{
	return on_packet(skb, ZW_HOOK_TC_LOCAL, ZW_DIRECTION_LOCAL, ETH_HLEN);
}
