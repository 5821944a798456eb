# SPDX-License-Identifier: MPL-2.0
"""An RTSP camera for the tests: H.264 and, if asked, sound. Prints `port NUMBER` when it listens, and `METHOD` for each request
that comes with a user and a password; `asked` for each line of its input, with which it ends.

With --shared all clients see one camera, and who comes later comes between two key units.

Usage: rtsp_server.py [--port 0] [--address 127.0.0.1] [--user NAME --password WORD [--digest]] [--tls FILE]
                      [--transport tcp|udp] [--sound aac|pcmu|pcma|other] [--codec h264|jpeg] [--gop 10] [--size 320x240]
                      [--profile baseline] [--shared]
"""

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

VIDEO = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max={gop}{profile} ! rtph264pay name=pay0 pt=96 config-interval=1",
    "jpeg": "jpegenc ! rtpjpegpay name=pay0 pt=26",
}
SOUND = {
    "aac": "audioconvert ! avenc_aac ! rtpmp4gpay name=pay1 pt=97",
    "pcmu": "audioconvert ! audioresample ! mulawenc ! rtppcmupay name=pay1 pt=0",
    "pcma": "audioconvert ! audioresample ! alawenc ! rtppcmapay name=pay1 pt=8",
    # Nobody knows it.
    "other": "audioconvert ! audioresample ! mulawenc ! rtppcmupay pt=97 ! "
    "capssetter name=pay1 join=true caps=application/x-rtp,encoding-name=X-OTHER",
}
TRANSPORT = {"tcp": GstRtsp.RTSPLowerTrans.TCP, "udp": GstRtsp.RTSPLowerTrans.UDP}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--port", default="0")
    options.add_argument("--address", default="127.0.0.1")
    options.add_argument("--user")
    options.add_argument("--password", default="")
    options.add_argument("--digest", action="store_true")
    options.add_argument("--tls")
    options.add_argument("--transport", choices=TRANSPORT)
    options.add_argument("--sound", choices=SOUND)
    options.add_argument("--codec", choices=VIDEO, default="h264")
    options.add_argument("--gop", default="10")
    options.add_argument("--shared", action="store_true")
    options.add_argument("--size", default="320x240")
    options.add_argument("--profile")
    options = options.parse_args()

    Gst.init(None)
    loop = GLib.MainLoop()
    server = GstRtspServer.RTSPServer()
    server.set_address(options.address)
    server.set_service(options.port)

    width, height = options.size.split("x")
    profile = f" ! video/x-h264,profile={options.profile}" if options.profile else ""
    launch = (
        f"videotestsrc is-live=true ! video/x-raw,format=I420,width={width},height={height},framerate=25/1 "
        "! " + VIDEO[options.codec].format(gop=options.gop, profile=profile)
    )
    if options.sound:
        launch += " audiotestsrc is-live=true ! " + SOUND[options.sound]
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch("( " + launch + " )")
    # Else a client that comes while another leaves may be told to come later.
    factory.set_shared(options.shared)
    if options.transport:
        factory.set_protocols(TRANSPORT[options.transport])
    if options.user or options.tls:
        server.set_auth(auth(options, factory))
    server.get_mount_points().add_factory("/camera", factory)

    if server.attach(None) == 0:
        sys.exit(f"port {options.port} is taken")
    print(f"port {server.get_bound_port()}", flush=True)

    def told(channel, condition):
        if not sys.stdin.readline():
            loop.quit()
            return False
        print("asked", flush=True)
        return True

    GLib.io_add_watch(GLib.IOChannel.unix_new(0), GLib.PRIORITY_DEFAULT, GLib.IOCondition.HUP | GLib.IOCondition.IN, told)
    loop.run()


def auth(options, factory):
    auth = Auth()
    if options.tls:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(options.tls))
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    role = Gst.Structure.new_empty("user")
    role.set_value("media.factory.access", True)
    role.set_value("media.factory.construct", True)
    factory.add_role_from_structure(role)
    if not options.user:
        auth.set_default_token(token)
    elif options.digest:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(options.user, options.password, token)
    else:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(options.user, options.password), token)
    return auth


class Auth(GstRtspServer.RTSPAuth):
    """Says which requests come with a user and a password."""

    def do_authenticate(self, context):
        request = context.request
        if request.get_header(GstRtsp.RTSPHeaderField.AUTHORIZATION, 0)[0] == GstRtsp.RTSPResult.OK:
            print(GstRtsp.rtsp_method_as_text(request.parse_request()[1]), flush=True)
        return GstRtspServer.RTSPAuth.do_authenticate(self, context)


main()
