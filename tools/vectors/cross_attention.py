"""Methods that edit the denoiser's cross-attention: UCE, TIME, MACE, RECE, SPEED."""

from collections.abc import Iterator

from mpmath import eye, mpf, sqrt, zeros

from tools.vectors.exact import Case, Numbers, Rows, column, exact, inner, null_space_projector, outer_sum, to_float64


def uce(W: Rows, pairs: list[tuple[Rows, Rows]], retained: Rows, case: Case) -> Rows:
    """W' = [λW + s_e Σ v cᵀ + s_p Σ (W c)cᵀ][λI + s_e Σ c cᵀ + s_p Σ c cᵀ]⁻¹ (UCE, equation 7).

    replace: v = W c'. tensor: v = W c' − ⟨u, W C'⟩ u with u = W C / ‖W C‖ over a pair's block of rows.
    """
    w, lam, erase, keep = exact(W), mpf(case["ridge"]), mpf(case["erase_scale"]), mpf(case["preserve_scale"])
    left, right = lam * w, lam * eye(w.cols)
    for old, new in pairs:
        answers, aims = w * exact(old).T, w * exact(new).T
        if case["technique"] == "tensor":
            norm = sqrt(inner(answers, answers))
            u = answers / norm
            aims = aims - inner(u, aims) * u
        for place, row in enumerate(old):
            c = column(row)
            left += erase * aims[:, place] * c.T
            right += erase * c * c.T
    for row in retained:
        c = column(row)
        left += keep * (w * c) * c.T
        right += keep * c * c.T
    return to_float64(left * right**-1)


def uce_cases() -> Iterator[Case]:
    """UCE of 2023 (from the last content token on, all rows retained) and of 2025 (that token alone)."""
    for seed, (variant, technique) in enumerate(((2023, "replace"), (2023, "tensor"), (2025, "replace"))):
        numbers, length, width = Numbers(seed), 7, 5
        texts = [{"rows": numbers.rows(length, width), "last": last} for last in (3, 1, 2, 4, 0, 3)]
        pairs = [(texts[0], texts[1]), (texts[2], texts[3])]
        if variant == 2023:
            cut = [length - (max(old["last"], new["last"])) for old, new in pairs]
            blocks = [
                (old["rows"][old["last"] : old["last"] + n], new["rows"][new["last"] : new["last"] + n])
                for (old, new), n in zip(pairs, cut, strict=True)
            ]
            retained = [row for text in texts[4:] for row in text["rows"]]
        else:
            blocks = [([old["rows"][old["last"]]], [new["rows"][new["last"]]]) for old, new in pairs]
            retained = [text["rows"][text["last"]] for text in texts[4:]]
        case: Case = {"variant": variant, "technique": technique, "ridge": 0.5, "erase_scale": 1.25}
        case |= {"preserve_scale": 0.1, "texts": texts, "weights": [numbers.rows(out, width) for out in (4, 6)]}
        yield {**case, "edited": [uce(W, blocks, retained, case) for W in case["weights"]]}


def subsequence(old: list[int], new: list[int], length: int) -> list[int]:
    """TIME's map: scan the new text for each old token in order, then fill up with the end token."""
    found: list[int] = []
    place = -1
    for token in old:
        place += 1
        while new[place] != token:
            place += 1
        found.append(place)
    while len(found) < length:
        place = min(place + 1, length - 1)
        found.append(place)
    return found


def time_cases() -> Iterator[Case]:
    """W' = (λW + Σ (W c'_m(i)) c_iᵀ)(λI + Σ c_i c_iᵀ)⁻¹ (TIME, equation 5)."""
    numbers, length, width = Numbers(10), 8, 5
    old_ids, new_ids = [0, 5, 5, 9], [0, 5, 7, 5, 8, 9]  # a word that stands twice
    old, new = numbers.rows(length, width), numbers.rows(length, width)
    places = subsequence(old_ids, new_ids, length)
    weights, lam = [numbers.rows(out, width) for out in (4, 6)], 0.1
    edited = []
    for W in weights:
        w = exact(W)
        left = mpf(lam) * w + w * outer_sum([new[place] for place in places], old)
        edited.append(to_float64(left * (mpf(lam) * eye(width) + outer_sum(old)) ** -1))
    ids = {"old_ids": old_ids, "new_ids": new_ids, "places": places}
    yield {**ids, "old": old, "new": new, "ridge": lam, "weights": weights, "edited": edited}


def mace_cases() -> Iterator[Case]:
    """Stage 1: W' = [λW + Σ (W e')eᵀ + s² W P][λI + Σ e eᵀ + s² P]⁻¹; stage 3: the fusion of trained terms."""
    numbers, width = Numbers(20), 5
    old, new, kept = numbers.rows(9, width), numbers.rows(9, width), numbers.rows(6, width)
    weights = [numbers.rows(out, width) for out in (4, 6)]
    P, lam, s = outer_sum(kept), mpf("0.1"), mpf("0.3")
    refined = [
        to_float64(
            (lam * exact(W) + exact(W) * outer_sum(new, old) + s**2 * exact(W) * P)
            * (lam * eye(width) + outer_sum(old) + s**2 * P) ** -1
        )
        for W in weights
    ]
    yield {"stage": 1, "old": old, "new": new, "kept": kept, "ridge": 0.1, "scale": 0.3, "weights": weights} | {
        "edited": refined
    }
    prompts = [numbers.rows(7, width) for _ in range(2)]
    terms = [[(numbers.rows(1, width), numbers.rows(len(W), 1)) for W in weights] for _ in prompts]
    fused = []
    for place, (W0, Wc) in enumerate(zip(weights, refined, strict=True)):
        w0, wc = exact(W0), exact(Wc)
        left, right = lam * wc + s * w0 * P, lam * eye(width) + s * P
        for rows, own in zip(prompts, terms, strict=True):
            down, up = own[place]
            left += (wc + exact(up) * exact(down)) * outer_sum(rows)
            right += outer_sum(rows)
        fused.append(to_float64(left * right**-1))
    yield {"stage": 3, "prompts": prompts, "terms": terms, "kept": kept, "ridge": 0.1, "scale": 0.3} | {
        "weights": weights, "refined": refined, "edited": fused,
    }  # fmt: skip


def rece_cases() -> Iterator[Case]:
    """Two rounds of: c* = (rI + Σ W'ᵀW')⁻¹(Σ W'ᵀW)c; W' ← W'(λI + s Σ n c*ᵀ + p P)(λI + s Σ c* c*ᵀ + p P)⁻¹."""
    for seed, penalty in ((30, "zero"), (31, "surrogate")):
        numbers, width = Numbers(seed), 5
        old, new, kept = numbers.rows(6, width), numbers.rows(6, width), numbers.rows(8, width)
        weights = [numbers.rows(out, width) for out in (4, 6, 7)]
        r, lam, s, p = mpf("0.1"), mpf("0.1"), mpf("1"), mpf("0.2")
        edited, P = [exact(W) for W in weights], outer_sum(kept)
        for _ in range(2):
            A, B = zeros(width), zeros(width)
            for W, changed in zip(weights, edited, strict=True):
                A += changed.T * changed
                B += changed.T * exact(W)
            search = (r * eye(width) + A) ** -1 * B if penalty == "zero" else ((1 + r) * A) ** -1 * (B + r * A)
            left, right = lam * eye(width) + p * P, lam * eye(width) + p * P
            for c, n in zip(old, new, strict=True):
                found = search * column(c)
                left += s * column(n) * found.T
                right += s * found * found.T
            edited = [changed * left * right**-1 for changed in edited]
        yield {"penalty": penalty, "old": old, "new": new, "kept": kept, "attack_ridge": 0.1, "ridge": 0.1} | {
            "erase_scale": 1.0, "preserve_scale": 0.2, "rounds": 2, "weights": weights,
            "edited": [to_float64(changed) for changed in edited],
        }  # fmt: skip


def speed_cases() -> Iterator[Case]:
    """ΔW = W(S_at − S_tt) P Q M, M = (S_tt P + sI)⁻¹, Q = I − M K(Kᵀ P M K + λI)⁻¹ Kᵀ P (SPEED's code, full form)."""
    for seed, slack in ((40, 0.0), (41, 0.5)):
        numbers, width, s, threshold = Numbers(seed), 7, 0.8, 0.05
        own, anchors = numbers.rows(2, width), numbers.rows(2, width)
        retained = [*numbers.rows(3, width), *numbers.rows(5, width, 0.05)]
        K, W = numbers.rows(2, width), numbers.rows(4, width)
        P, _ = null_space_projector(outer_sum(retained) / len(retained), threshold)
        moment, cross = outer_sum(own) / len(own), outer_sum(anchors, own) / len(own)
        k = exact(K).T
        M = (moment * P + mpf(s) * eye(width)) ** -1
        Q = eye(width) - M * k * (k.T * P * M * k + mpf(slack) * eye(2)) ** -1 * k.T * P
        change = exact(W) * (cross - moment) * P * Q * M
        yield {"targets": own, "anchors": anchors, "retained": retained, "invariants": K, "weight": W} | {
            "threshold": threshold, "retain_scale": s, "slack": slack, "edited": to_float64(exact(W) + change),
        }  # fmt: skip
