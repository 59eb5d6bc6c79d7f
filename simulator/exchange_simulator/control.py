"""The HTTP control API: faults and stats as JSON, for whoever is not in the same process.

::

    GET    /health          {"status": "healthy"}
    GET    /stats           what the exchange saw and did
    GET    /faults          the faults there are, with their arguments
    POST   /faults/<name>   cause one; the body is a JSON object of its arguments
    DELETE /faults          end all faults that last
"""

import inspect
import json

from aiohttp import web
from pydantic import ConfigDict, ValidationError, validate_call

from exchange_simulator.exchange import Exchange
from exchange_simulator.faults import NAMES, Faults


class ControlServer:
    """Serves the control API of one exchange."""

    def __init__(self, exchange: Exchange, faults: Faults) -> None:
        self._exchange = exchange
        strict = ConfigDict(strict=True)
        self._faults = {name: validate_call(config=strict)(getattr(faults, name)) for name in NAMES}
        application = web.Application()
        application.add_routes(
            [
                web.get("/health", self._health),
                web.get("/stats", self._stats),
                web.get("/faults", self._list),
                web.post("/faults/{name}", self._cause),
                web.delete("/faults", self._clear),
            ]
        )
        self._runner = web.AppRunner(application, access_log=None)

    async def start(self, host: str, port: int) -> str:
        """Listen; gives the URL."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        bound = self._runner.addresses[0][1]
        return f"http://[{host}]:{bound}" if ":" in host else f"http://{host}:{bound}"

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _health(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "healthy"})

    async def _stats(self, _request: web.Request) -> web.Response:
        return web.json_response(self._exchange.stats().to_json())

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                name: {
                    "arguments": str(inspect.signature(fault)),
                    "about": (inspect.getdoc(fault) or "").partition("\n")[0],
                }
                for name, fault in self._faults.items()
            }
        )

    async def _cause(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        fault = self._faults.get(name)
        if fault is None:
            return _error(404, f"no fault {name!r}; there are {', '.join(self._faults)}")
        try:
            body = await request.text()
            arguments = json.loads(body) if body else {}
            if not isinstance(arguments, dict):
                return _error(400, "the body is not a JSON object")
            reached = fault(**arguments)
        except ValidationError as error:
            problems = [
                f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
                for problem in error.errors()
            ]
            return _error(400, "; ".join(problems))
        except ValueError as error:
            return _error(400, str(error))
        return web.json_response({"fault": name, "reached": reached})

    async def _clear(self, _request: web.Request) -> web.Response:
        self._faults["clear"]()
        return web.json_response({"fault": "clear", "reached": None})


def _error(status: int, problem: str) -> web.Response:
    return web.json_response({"error": problem}, status=status)
