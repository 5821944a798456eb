# SPDX-License-Identifier: MPL-2.0
"""A mail server on a free port of loopback: `mailbox.py plain|starttls|tls CERT KEY`. Says its port, and each message that it takes
as a line of JSON. Wants the login "door" with the password "open sesame", except with `plain`. To `busy@` it says first that it
cannot now."""

import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


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
more = {}
if mode != "plain":
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    more = {"auth_required": True, "authenticator": authenticate}
    if mode == "tls":
        more |= {"ssl_context": context, "auth_require_tls": False}
    else:
        more |= {"tls_context": context, "require_starttls": True}


class Here(Controller):
    # The port that the system has chosen is looked at before it is connected to.
    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]


controller = Here(Mailbox(), hostname="127.0.0.1", port=0, **more)
controller.start()
controller.port = controller.server.sockets[0].getsockname()[1]
print(controller.port, flush=True)
sys.stdin.read()
controller.stop()
