package mailparse_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/deskbell/deskbell/channels/email/mailparse"
)

// ordinaryMail is what a customer's mail program sends: 4 KB, a quote, both forms.
func ordinaryMail() []byte {
	text := strings.Repeat("I ordered the green lamp last week and it has not come yet.\r\n", 8)
	html := strings.Repeat(`<div style="font-family:Arial,sans-serif;font-size:13px;color:#222222">I ordered the <b>green lamp</b> last week &amp; it has not come yet.<br></div>`+"\r\n", 9)
	quote := "On Mon, 3 Mar 2025 at 10:15, Help <help@shop.example> wrote:\r\n> Thank you for your order.\r\n> It leaves us tomorrow.\r\n"
	return []byte(strings.ReplaceAll(`Return-Path: <ann@home.example>
Delivered-To: help@shop.example
Received: from mx.home.example (mx.home.example [192.0.2.7])
	by mx.shop.example with ESMTPS id 4ZB1 for <help@shop.example>;
	Mon, 3 Mar 2025 10:20:11 +0100
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=home.example; s=k1; t=1741000811;
	h=from:to:subject:date:message-id:mime-version:content-type;
	bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=; b=BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB
From: =?utf-8?q?Ann_Ex=C3=A4mple?= <ann@home.example>
To: Help <help@shop.example>
Subject: Re: Order 4711
Date: Mon, 3 Mar 2025 10:20:10 +0100
Message-ID: <a1@home.example>
In-Reply-To: <r7@shop.example>
References: <r5@shop.example> <r7@shop.example>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="b1"

--b1
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

`, "\n", "\r\n") + text + "\r\n" + quote + "\r\n--b1\r\nContent-Type: text/html; charset=\"utf-8\"\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" +
		"<html><head><meta charset=\"utf-8\"></head><body>" + html + `<div class="gmail_quote"><div class="gmail_attr">On Mon wrote:</div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px solid #ccc;padding-left:1ex">Thank you</blockquote></div></body></html>` + "\r\n--b1--\r\n")
}

func BenchmarkParse(b *testing.B) {
	raw := ordinaryMail()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if m, err := mailparse.Parse(raw, mailparse.Options{}); err != nil || m.HTML == "" || m.ReplyText == "" {
			b.Fatal(err, m)
		}
	}
	b.ReportMetric(float64(len(raw)), "B/mail")
}

func BenchmarkParseManyParts(b *testing.B) {
	raw := append([]byte("From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\n"), bytes.Repeat([]byte("--x\nContent-Type: text/plain\n\nhello\n"), 100_000)...)
	b.ReportAllocs()
	for b.Loop() {
		mailparse.Parse(raw, mailparse.Options{})
	}
}

func BenchmarkSameness(b *testing.B) {
	raw := ordinaryMail()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		mailparse.Sameness(raw)
	}
}
