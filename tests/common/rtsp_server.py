# SPDX-License-Identifier: MPL-2.0
"""An RTSP camera for the tests: H.264 and, if asked, sound. Prints `port NUMBER` when it listens; ends when its input does.

Usage: rtsp_server.py [--port 0] [--user NAME --password WORD] [--sound aac|pcmu] [--codec h264|jpeg]
"""

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

VIDEO = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0 pt=96 config-interval=1",
    "jpeg": "jpegenc ! rtpjpegpay name=pay0 pt=26",
}
SOUND = {
    "aac": "audioconvert ! avenc_aac ! rtpmp4gpay name=pay1 pt=97",
    "pcmu": "audioconvert ! audioresample ! mulawenc ! rtppcmupay name=pay1 pt=0",
}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--port", default="0")
    options.add_argument("--user")
    options.add_argument("--password", default="")
    options.add_argument("--sound", choices=SOUND)
    options.add_argument("--codec", choices=VIDEO, default="h264")
    options = options.parse_args()

    Gst.init(None)
    loop = GLib.MainLoop()
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(options.port)

    video = "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! "
    launch = video + VIDEO[options.codec]
    if options.sound:
        launch += " audiotestsrc is-live=true ! " + SOUND[options.sound]
    media = GstRtspServer.RTSPMediaFactory()
    media.set_launch("( " + launch + " )")
    media.set_shared(True)
    if options.user:
        role = Gst.Structure.new_empty("user")
        role.set_value("media.factory.access", True)
        role.set_value("media.factory.construct", True)
        media.add_role_from_structure(role)
        auth = GstRtspServer.RTSPAuth()
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "user")
        basic = GstRtspServer.RTSPAuth.make_basic(options.user, options.password)
        auth.add_basic(basic, token)
        server.set_auth(auth)
    server.get_mount_points().add_factory("/camera", media)
    if server.attach(None) == 0:
        sys.exit(f"port {options.port} is taken")
    print(f"port {server.get_bound_port()}", flush=True)

    def ended(channel, condition):
        loop.quit()
        return False

    GLib.io_add_watch(GLib.IOChannel.unix_new(0), GLib.PRIORITY_DEFAULT, GLib.IOCondition.HUP | GLib.IOCondition.IN, ended)
    loop.run()


main()
