"""A look-alike of Binance's market streams, for demos, tests and benchmarks.

It speaks the exchange's WebSocket protocol, keeps its limits, sends generated or recorded market data, and
can be made to fail in the ways the exchange does. In a test::

    from exchange_simulator import Simulator, SimulatorConfig

    async with Simulator(SimulatorConfig(rates={"*@trade": 1000})) as exchange:
        client = connect(exchange.url + "/stream")     # ws://127.0.0.1:<free port>
        ...
        exchange.faults.close(1001)                    # or abort(), reset(), stall(), burst(…), …
        exchange.faults.reject_upgrades(451, count=2)
        stats = exchange.stats()
        stats.streams["btcusdt@trade"].runs            # the ids really sent, as stretches without a hole
        stats.connections[0].close_received

From another process, the same through HTTP at `exchange.control_url`: `GET /stats`,
`POST /faults/close {"code": 1001}`; `exchange_simulator.control` lists the requests.

What is sent:

* `SimulatorConfig(rate=20_000)`: so many generated events per second in all, over the streams subscribed.
* `SimulatorConfig(rates={"btcusdt@trade": 500, "*@depth*": 10})`: per stream; others at their usual rate.
* `SimulatorConfig(pace="flood")`: as fast as the clients read. `limit=1_000_000` ends after so many events.
* `SimulatorConfig(recording=DEFAULT_RECORDING, speed=10)`: a recorded session for the streams it holds; it
  starts with the first subscription to one of them.

All connections see the same market: the same event has the same ids, and happens at the same time, on each.
Ids of generated trades (`t`), aggregate trades (`a`) and depth updates (`U`…`u`, futures `pu`) are contiguous as
the exchange's are. On the command line it is `streamset simulator`, or `python -m exchange_simulator`.
"""

from exchange_simulator.config import DEFAULT_RECORDING, SimulatorConfig
from exchange_simulator.faults import Faults
from exchange_simulator.simulator import Simulator
from exchange_simulator.stats import Stats

__all__ = ["DEFAULT_RECORDING", "Faults", "Simulator", "SimulatorConfig", "Stats"]
