# SPDX-License-Identifier: MPL-2.0
"""A mail server on a free port of loopback: `mailbox.py plain|starttls|tls CERT KEY`. Says its port, and each message that it takes
as a line of JSON. Wants the login "door" with the password "open sesame", except with `plain`. To `busy@` it says first that it
cannot now."""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Mailbox:
    def __init__(self):
        self.was_busy = False

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("busy@") and not self.was_busy:
            self.was_busy = True
            return "451 not now"
        if address.startswith("nobody@"):
            return "550 there is nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = [
            {"type": part.get_content_type(), "id": part["Content-ID"], "content": content(part)}
            for part in message.walk()
            if not part.is_multipart()
        ]
        told = {
            "from": message["From"],
            "to": envelope.rcpt_tos,
            "subject": message["Subject"],
            "encrypted": session.ssl is not None or mode == "tls",
            "authenticated": session.authenticated,
            "parts": parts,
        }
        print(json.dumps(told), flush=True)
        return "250 OK"


def content(part):
    found = part.get_content()
    return found.hex() if isinstance(found, bytes) else found


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b"door" and data.password == b"open sesame"
    return AuthResult(success=good)


mode, cert, key = sys.argv[1:4]
more, context = {}, None
if mode != "plain":
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    more = {"auth_required": True, "authenticator": authenticate}
    if mode == "tls":
        more |= {"auth_require_tls": False}
    else:
        more |= {"tls_context": context, "require_starttls": True}
mailbox = Mailbox()


async def main():
    loop = asyncio.get_running_loop()
    by_tls = context if mode == "tls" else None
    server = await loop.create_server(lambda: SMTP(mailbox, **more), "127.0.0.1", 0, ssl=by_tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    # Until whoever has started it goes.
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
