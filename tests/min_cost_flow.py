"""The best assignment by another program altogether: OR-tools' min-cost flow, for comparison."""

from __future__ import annotations

import importlib

from bot.matching.assign import Campaign


def flow(problem: Campaign, floor: int) -> tuple[int, int]:
    """(pairs, points) of the best assignment over a floor; a second mentee costs 40, a third 80."""
    ortools = importlib.import_module("ortools.graph.python.min_cost_flow")
    n, m = problem.scores.shape
    pair = (n + 1) * 10_000
    solver = ortools.SimpleMinCostFlow()
    source, sink = n + m, n + m + 1
    for i in range(n):
        solver.add_arc_with_capacity_and_unit_cost(source, i, 1, 0)
        solver.add_arc_with_capacity_and_unit_cost(i, sink, 1, pair)
        for j in range(m):
            if problem.scores[i, j] >= max(floor, 0):
                solver.add_arc_with_capacity_and_unit_cost(i, n + j, 1, -int(problem.scores[i, j]))
    taken = problem.taken or [0] * m
    for j in range(m):
        for k in range(min(problem.places[j], n)):
            # 40 more for each that is carried: in quarters that is whole points
            cost = round(40 * (taken[j] + k))
            solver.add_arc_with_capacity_and_unit_cost(n + j, sink, 1, cost)
    solver.set_node_supply(source, n)
    solver.set_node_supply(sink, -n)
    assert solver.solve() == solver.OPTIMAL
    alone = solver.optimal_cost() // pair + (solver.optimal_cost() % pair > pair // 2)
    return n - alone, alone * pair - solver.optimal_cost()
