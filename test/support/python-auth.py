"""Debian's autobahn-python logs in, as often as it is asked: each line of stdin is a JSON object with `url`, `realm`, `serializer`,
`method`, `args` (of autobahn's own authenticator, see autobahn/wamp/auth.py), `calls` (procedures), and for wss `ca` (PEM) and
`tls` ("1.2"). One line of JSON answers it: `{"joined": {...}, "calls": {...}}` or `{"refused": reason}`.
"""
import asyncio
import json
import ssl
import sys
import traceback

from autobahn.asyncio.wamp import ApplicationRunner, Session
from autobahn.wamp.auth import create_authenticator
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.serializer import SERID_TO_SER

TIMEOUT = 60


class Login(Session):
    def on_join(self, details):
        self._end({"joined": {key: getattr(details, key) for key in ("authid", "authrole", "authmethod", "authprovider", "session")}})

    def on_leave(self, details):
        self._end({"refused": details.reason})
        self.disconnect()

    def onUserError(self, fail, msg):
        self._end({"refused": "%s %s" % (msg, fail.value)})

    def _end(self, outcome):
        if not self.config.extra["ended"].done():
            self.config.extra["ended"].set_result((self, outcome))


async def called(session, uri):
    try:
        await session.call(uri)
        return "ok"
    except ApplicationError as error:
        return error.error


async def login(wish):
    ended = asyncio.get_running_loop().create_future()

    def make(config):
        session = Login(config)
        session.add_authenticator(create_authenticator(wish["method"], **wish["args"]))
        return session

    context = None
    if "ca" in wish:
        context = ssl.create_default_context(cadata=wish["ca"])
        if wish.get("tls") == "1.2":
            context.maximum_version = ssl.TLSVersion.TLSv1_2
    runner = ApplicationRunner(wish["url"], wish["realm"], extra={"ended": ended}, ssl=context, serializers=[SERID_TO_SER[wish["serializer"]]()])
    await runner.run(make, start_loop=False)
    session, outcome = await asyncio.wait_for(ended, TIMEOUT)
    if "joined" in outcome:
        outcome["calls"] = {uri: await called(session, uri) for uri in wish.get("calls", [])}
        session.leave()
    return outcome


async def main():
    loop = asyncio.get_running_loop()
    while True:
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if not line:
            return
        try:
            outcome = await login(json.loads(line))
        except Exception as error:
            outcome = {"refused": "%s: %s" % (type(error).__name__, traceback.format_exc().strip()[-400:])}
        print("answer " + json.dumps(outcome), flush=True)


asyncio.run(main())
