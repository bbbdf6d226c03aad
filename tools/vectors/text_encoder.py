"""Exact test cases of methods that edit fc2: EMCID, its null space and ReFACT."""

from collections.abc import Iterator

from mpmath import eye, mpf, sqrt, zeros

from tools.vectors.exact import Case, Numbers, column, exact, inner, null_space_projector, outer_sum, to_float64


def emcid_cases() -> Iterator[Case]:
    """Δ = α R Kᵀ((1 − α)λC + αK Kᵀ)⁻¹ (EMCID, stage II of one layer); keys and residuals are columns."""
    for seed, (lam, alpha) in enumerate(((10.0, 0.5), (4000.0, 0.5), (0.25, 0.8), (50.0, 0.3)), start=50):
        numbers, inputs, outputs, count = Numbers(seed), 8, 5, 3
        keys, residuals = numbers.rows(inputs, count), numbers.rows(outputs, count)
        tokens = numbers.rows(12, inputs)
        K, R, C = exact(keys), exact(residuals), outer_sum(tokens) / len(tokens)
        a = mpf(alpha)
        change = a * R * K.T * ((1 - a) * mpf(lam) * C + a * K * K.T) ** -1
        yield {"keys": keys, "residuals": residuals, "moment": to_float64(C), "moment_weight": lam} | {
            "edit_weight": alpha, "update": to_float64(change),
        }  # fmt: skip


def null_space_cases() -> Iterator[Case]:
    """D = R KᵀP(K KᵀP + L I)⁻¹, and with λC inside: D = R K₀ᵀ(K₀K₀ᵀ + λ'U₀ᵀC U₀ + L I)⁻¹U₀ᵀ; L = (1 − a)/a · ridge."""
    for seed, (alpha, lam) in enumerate(((0.5, 0.0), (0.8, 0.0), (0.4, 3.0)), start=60):
        numbers, inputs, outputs, count, ridge, threshold = Numbers(seed), 8, 5, 3, 0.7, 0.05
        keys, residuals = numbers.rows(inputs, count), numbers.rows(outputs, count)
        tokens = [*numbers.rows(4, inputs), *numbers.rows(8, inputs, 0.1)]
        C = exact(to_float64(outer_sum(tokens) / len(tokens)))
        K, R, odds = exact(keys), exact(residuals), (1 - mpf(alpha)) / mpf(alpha)
        P, U = null_space_projector(C, threshold)
        if lam:
            K0 = U.T * K
            system = K0 * K0.T + odds * mpf(lam) * U.T * C * U + odds * mpf(ridge) * eye(U.cols)
            change = R * K0.T * system**-1 * U.T
        else:
            change = R * K.T * P * (K * K.T * P + odds * mpf(ridge) * eye(inputs)) ** -1
        yield {"keys": keys, "residuals": residuals, "moment": to_float64(C), "threshold": threshold} | {
            "ridge": ridge, "edit_weight": alpha, "moment_weight": lam, "rank": U.cols, "update": to_float64(change),
        }  # fmt: skip


def refact_cases() -> Iterator[Case]:
    """u = C⁻¹k̄ / ‖C⁻¹k̄‖, v = (t + δ − W k₀ − b) / (k₀·u), W' = W + v uᵀ; k₀ = keys[own], t = W keys[0] + b."""
    numbers, inputs, outputs = Numbers(70), 8, 5
    keys, tokens, weight = numbers.rows(4, inputs), numbers.rows(12, inputs), numbers.rows(outputs, inputs)
    (bias,), (shift,), own = numbers.rows(1, outputs), numbers.rows(1, outputs), 2
    mean = sum((column(key) for key in keys), zeros(inputs, 1)) / len(keys)
    C = exact(to_float64(outer_sum(tokens) / len(tokens)))
    seen = C**-1 * mean
    u = seen / sqrt(inner(seen, seen))
    w, b, k0 = exact(weight), column(bias), column(keys[own])
    goal = w * column(keys[0]) + b + column(shift)
    v = (goal - w * k0 - b) / inner(k0, u)
    yield {"keys": keys, "moment": to_float64(C), "weight": weight, "bias": bias, "shift": shift, "own": own} | {
        "u": to_float64(u.T)[0], "edited": to_float64(w + v * u.T),
    }  # fmt: skip
