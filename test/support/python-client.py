"""Debian's autobahn-python as a WAMP client of the tests: `python-client.py URL REALM SERIALIZER`.

SERIALIZER is `json`, `msgpack` or `cbor`, one of them with `.batched` behind it, or `default` for what autobahn offers by
itself. Over WebSocket it first prints the `subprotocol` that the router chose. Then it checks what it can alone, with two
sessions, and prints one line for each sentence: `ok ...` or `FAILED ...`. Then it prints `ready` and serves `com.example.py.*` until `com.example.py.stop` is called, and ends with `end`. The exit code of autobahn
says nothing; whoever runs this reads the lines.
"""
import asyncio
import sys
import traceback

from autobahn.asyncio.rawsocket import WampRawSocketClientProtocol
from autobahn.asyncio.wamp import ApplicationRunner, ApplicationSession
from autobahn.wamp import types
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.serializer import SERID_TO_SER

TIMEOUT = 20

# Version 22.7.1 asks for this when it is welcomed, and has it over WebSocket only.
if not hasattr(WampRawSocketClientProtocol, "transport_details"):
    WampRawSocketClientProtocol.transport_details = None


def say(line):
    print(line, flush=True)


class Session(ApplicationSession):
    """Hands itself over when it has joined."""

    def onJoin(self, details):
        self.config.extra["joined"].set_result(self)

    def onLeave(self, details):
        if not self.config.extra["joined"].done():
            self.config.extra["joined"].set_exception(RuntimeError("%s %s" % (details.reason, details.message)))
        self.disconnect()

    def onDisconnect(self):
        pass

    def onUserError(self, fail, msg):
        """Procedures fail here on purpose."""


def serializers_of(name):
    if name == "default":
        return None
    format, _, batched = name.partition(".")
    return [SERID_TO_SER[format](batched=True) if batched else SERID_TO_SER[format]()]


async def join(url, realm, serializer):
    joined = asyncio.get_running_loop().create_future()
    runner = ApplicationRunner(url, realm, extra={"joined": joined}, serializers=serializers_of(serializer))
    await runner.run(Session, start_loop=False)
    return await asyncio.wait_for(joined, TIMEOUT)


class Checks:
    def __init__(self, first, second):
        self.first = first
        self.second = second

    async def calls_with_args_and_kwargs(self):
        def echo(*args, **kwargs):
            return types.CallResult(*args, **kwargs)

        registration = await self.first.register(echo, "com.example.py.self.echo")
        result = await self.second.call("com.example.py.self.echo", 1, -5, 1.5, "ü€😀", None, True, [1, [2]], k={"a": 2 ** 40})
        assert result.results == (1, -5, 1.5, "ü€😀", None, True, [1, [2]]), result.results
        assert result.kwresults == {"k": {"a": 2 ** 40}}, result.kwresults
        assert await self.second.call("com.example.py.self.echo") is None or True
        await registration.unregister()
        try:
            await self.second.call("com.example.py.self.echo")
        except ApplicationError as error:
            assert error.error == "wamp.error.no_such_procedure", error.error
        else:
            raise AssertionError("an unregistered procedure answers")

    async def errors_of_a_callee(self):
        def fail():
            raise ApplicationError("com.example.error.too_bad", "reason", 1, detail=[True])

        registration = await self.first.register(fail, "com.example.py.self.fail")
        try:
            await self.second.call("com.example.py.self.fail")
        except ApplicationError as error:
            assert error.error == "com.example.error.too_bad", error.error
            assert list(error.args) == ["reason", 1], error.args
            assert error.kwargs["detail"] == [True], error.kwargs
        else:
            raise AssertionError("no error")
        await registration.unregister()

    async def progressive_results(self):
        def steps(details):
            for step in (1, 2, 3):
                details.progress(step)
            return "done"

        options = types.RegisterOptions(details_arg="details")
        registration = await self.first.register(steps, "com.example.py.self.steps", options)
        progress = []
        result = await self.second.call("com.example.py.self.steps", options=types.CallOptions(on_progress=progress.append))
        assert result == "done", result
        assert progress == [1, 2, 3], progress
        await registration.unregister()

    async def shared_registration_round_robin(self):
        options = types.RegisterOptions(invoke="roundrobin")
        registrations = [
            await self.first.register(lambda: "first", "com.example.py.self.shared", options),
            await self.second.register(lambda: "second", "com.example.py.self.shared", options),
        ]
        answers = [await self.second.call("com.example.py.self.shared") for _ in range(6)]
        assert sorted(answers) == ["first"] * 3 + ["second"] * 3, answers
        assert answers[0] != answers[1], answers
        for registration in registrations:
            await registration.unregister()

    async def pattern_based_registration(self):
        def name(details):
            return details.procedure

        for uri, match in (("com.example.py.self.p", "prefix"), ("com.example.py..w", "wildcard")):
            registration = await self.first.register(
                name, uri, types.RegisterOptions(match=match, details_arg="details")
            )
            called = "com.example.py.self.pq" if match == "prefix" else "com.example.py.any.w"
            assert await self.second.call(called) == called
            await registration.unregister()

    async def exact_prefix_and_wildcard_subscriptions(self):
        loop = asyncio.get_running_loop()
        for topic, match in (
            ("com.example.py.self.t.a", "exact"),
            ("com.example.py.self.t", "prefix"),
            ("com.example.py..t.a", "wildcard"),
        ):
            received = loop.create_future()

            def on_event(*args, **kwargs):
                received.set_result((args, kwargs.pop("details").topic, kwargs))

            subscription = await self.first.subscribe(
                on_event, topic, types.SubscribeOptions(match=match, details_arg="details")
            )
            publication = await self.second.publish(
                "com.example.py.self.t.a", 1, "ü", k=[2], options=types.PublishOptions(acknowledge=True)
            )
            assert publication.id > 0
            args, published, kwargs = await asyncio.wait_for(received, TIMEOUT)
            assert (args, published, kwargs) == ((1, "ü"), "com.example.py.self.t.a", {"k": [2]}), (args, published, kwargs)
            await subscription.unsubscribe()

    async def exclude_me_false(self):
        received = asyncio.get_running_loop().create_future()
        await self.first.subscribe(received.set_result, "com.example.py.self.own")
        options = types.PublishOptions(acknowledge=True, exclude_me=False)
        await self.first.publish("com.example.py.self.own", 7, options=options)
        assert await asyncio.wait_for(received, TIMEOUT) == 7

    async def meta_api_and_testaments(self):
        """What the router answers and publishes itself, through this autobahn's own checks."""
        loop = asyncio.get_running_loop()
        left, will = loop.create_future(), loop.create_future()
        third = await join(*sys.argv[1:4])
        id = third._session_id

        def on_leave(*args):
            if args[0] == id:
                left.set_result(args)

        await self.first.subscribe(on_leave, "wamp.session.on_leave")
        await self.first.subscribe(lambda *args, **kwargs: will.set_result((args, kwargs)), "com.example.py.will")
        assert id in await self.first.call("wamp.session.list")
        details = await self.first.call("wamp.session.get", id)
        assert details["session"] == id and details["transport"]["peer"], details
        registration = await third.register(lambda: None, "com.example.py.self.meta")
        assert await self.first.call("wamp.registration.lookup", "com.example.py.self.meta") == registration.id
        assert (await self.first.call("wamp.registration.get", registration.id))["uri"] == "com.example.py.self.meta"
        assert await self.first.call("wamp.registration.list_callees", registration.id) == [id]
        assert await self.first.call("wamp.subscription.match", "com.example.py.nobody") is None
        try:
            await self.first.call("wamp.session.kill", id)
        except ApplicationError as error:
            assert error.error == "wamp.error.not_authorized", error.error
        else:
            raise AssertionError("an anonymous session may kill")
        await third.call("wamp.session.add_testament", "com.example.py.will", ["gone"], {"who": "third"}, scope="detached")
        third.leave()
        assert await asyncio.wait_for(will, TIMEOUT) == (("gone",), {"who": "third"})
        assert await asyncio.wait_for(left, TIMEOUT) == (id, details["authid"], details["authrole"])

    async def calls_a_client_of_another_language(self):
        result = await self.first.call("com.example.js.echo", 1, "ü", [None], k=True)
        assert result.results == (1, "ü", [None]) and result.kwresults == {"k": True}, (result.results, result.kwresults)
        try:
            await self.first.call("com.example.js.fail")
        except ApplicationError as error:
            assert error.error == "com.example.error.js" and list(error.args) == [1], (error.error, error.args)
        else:
            raise AssertionError("no error")

    async def run(self):
        sentences = [name for name in vars(Checks) if not name.startswith("_") and name != "run"]
        for name in sentences:
            sentence = name.replace("_", " ")
            try:
                await asyncio.wait_for(getattr(self, name)(), TIMEOUT)
                say("ok " + sentence)
            except BaseException:
                say("FAILED %s: %s" % (sentence, traceback.format_exc().replace("\n", " | ")))


async def serve(session):
    """What the other side's test calls and subscribes to."""
    stop = asyncio.get_running_loop().create_future()

    async def echo(*args, **kwargs):
        return types.CallResult(*args, **kwargs)

    async def fail():
        raise ApplicationError("com.example.error.py", 1, detail=2)

    async def sleep():
        try:
            say("sleeping")
            await asyncio.sleep(TIMEOUT)
        except asyncio.CancelledError:
            say("interrupted")
            # This autobahn does not answer for a procedure that lets CancelledError through: with the mode "kill"
            # its caller would wait for ever.
            raise ApplicationError("wamp.error.canceled", "stopped")
        return "not canceled"

    def relay(*args, **kwargs):
        session.publish("com.example.py.relayed", *args, **kwargs)

    await session.register(echo, "com.example.py.echo")
    await session.register(fail, "com.example.py.fail")
    await session.register(sleep, "com.example.py.sleep")
    await session.register(lambda: stop.set_result(None), "com.example.py.stop")
    await session.subscribe(relay, "com.example.js.news")
    say("ready")
    await stop


async def main():
    url, realm, serializer = sys.argv[1:4]
    first = await join(url, realm, serializer)
    second = await join(url, realm, serializer)
    if url.startswith("ws"):
        say("subprotocol " + first._transport.websocket_protocol_in_use)
    await Checks(first, second).run()
    await serve(first)
    await asyncio.sleep(0)
    for session in (first, second):
        session.leave()
    say("end")


asyncio.run(asyncio.wait_for(main(), 4 * TIMEOUT))
