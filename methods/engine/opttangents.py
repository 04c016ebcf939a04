"""Second derivatives of an OPT's loss by hand: the gradient's tangents in many directions, on one primal pass.

What automatic differentiation would do op by op and allocate anew is done here in place, one direction at a time, so
that a batch's activations stay in the cache: faster than `torch.func` at scale mini, and bound by matrix products.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lodo.methods.engine.secondorder import Layout, Products
from lodo.tasks.model import PAD, Examples
from lodo.tasks.spec import ModelSpec

aten: Any = torch.ops.aten
EPSILON = 1e-5
OFFSET = 2  # OPT's first position embedding


@dataclass
class _Norm:
    """A layer norm at its input: what its tangents need."""

    x: Tensor
    mean: Tensor
    rstd: Tensor
    hat: Tensor
    gain: Tensor
    out: Tensor

    @staticmethod
    def of(x: Tensor, gain: Tensor, bias: Tensor) -> "_Norm":
        out, mean, rstd = torch.native_layer_norm(x, [x.shape[1]], gain, bias, EPSILON)
        return _Norm(x, mean, rstd, (x - mean).mul_(rstd), gain, out)

    def whiten(self, v: Tensor) -> Tensor:
        """rstd (v - mean v - hat mean(v hat)): the derivative of ``hat``, which is its own transpose."""
        found: Tensor = aten.native_layer_norm_backward(
            v, self.x, [v.shape[1]], self.mean, self.rstd, None, None, [True, False, False]
        )[0]
        return found

    def back(self, g: Tensor, into: dict[str, Tensor], name: str) -> Tensor:
        """The cotangent of the input, from the output's; writes the parameters' gradients."""
        into[f"{name}.weight"].copy_((g * self.hat).sum(0))
        into[f"{name}.bias"].copy_(g.sum(0))
        self.g = g
        self.g_hat = g * self.gain
        self.mix = (self.g_hat * self.hat).mean(1, keepdim=True)
        self.g_x = self.whiten(self.g_hat)
        return self.g_x

    def push(self, dx: Tensor, d: dict[str, Tensor], name: str) -> Tensor:
        """The output's tangent from the input's."""
        self.dx, self.d_hat, self.d_gain = dx, self.whiten(dx), d[f"{name}.weight"]
        return torch.addcmul(d[f"{name}.bias"], self.d_hat, self.gain).addcmul_(self.hat, self.d_gain)

    def push_back(self, dg: Tensor, into: dict[str, Tensor], name: str) -> Tensor:
        """The tangent of `back`."""
        into[f"{name}.weight"].copy_((dg * self.hat).addcmul_(self.g, self.d_hat).sum(0))
        into[f"{name}.bias"].copy_(dg.sum(0))
        found = self.whiten((dg * self.gain).addcmul_(self.g, self.d_gain))
        size = self.x.shape[1]
        slope = torch.linalg.vecdot(self.hat, self.dx).div_(-size)[:, None]
        turn = torch.linalg.vecdot(self.g_hat, self.d_hat).div_(size)[:, None]
        found.addcmul_(self.rstd * slope, self.g_x)
        return found.addcmul_(self.rstd * self.mix, self.d_hat, value=-1).addcmul_(self.rstd * turn, self.hat, value=-1)


class _Linear:
    """y = x W' + b: its gradient, its tangent and its gradient's tangent."""

    def __init__(self, weight: Tensor, bias: Tensor, x: Tensor) -> None:
        self.weight, self.x = weight, x
        self.out = torch.addmm(bias, x, weight.T)

    def back(self, g: Tensor, into_weight: Tensor, into_bias: Tensor) -> Tensor:
        self.g = g
        torch.mm(g.T, self.x, out=into_weight)
        torch.sum(g, 0, out=into_bias)
        return g @ self.weight

    def push(self, dx: Tensor, d_weight: Tensor, d_bias: Tensor) -> Tensor:
        self.dx, self.d_weight = dx, d_weight
        return torch.addmm(d_bias, self.x, d_weight.T).addmm_(dx, self.weight.T)

    def push_back(self, dg: Tensor, into_weight: Tensor, into_bias: Tensor) -> Tensor:
        torch.mm(dg.T, self.x, out=into_weight)
        into_weight.addmm_(self.g.T, self.dx)
        torch.sum(dg, 0, out=into_bias)
        return torch.mm(self.g, self.d_weight).addmm_(dg, self.weight)


class _Attention:
    """Causal softmax attention of queries (scaled already), keys and values in one matrix (N, 3 D)."""

    def __init__(self, qkv: Tensor, batch: int, heads: int) -> None:
        self.shape = (batch, len(qkv) // batch, heads, qkv.shape[1] // 3 // heads)
        self.q, self.k, self.v = self._split(qkv)
        length = self.shape[1]
        ahead = torch.ones(length, length, dtype=torch.bool, device=qkv.device).triu_(1)
        self.p = torch.bmm(self.q, self.k.mT).masked_fill_(ahead, -torch.inf).softmax(-1)
        self.out = self._join(torch.bmm(self.p, self.v))

    def _split(self, x: Tensor) -> Tensor:
        batch, length, heads, size = self.shape
        split = x.view(batch, length, -1, heads, size).permute(2, 0, 3, 1, 4)
        return split.reshape(-1, batch * heads, length, size)

    def _join(self, *parts: Tensor) -> Tensor:
        batch, length, heads, size = self.shape
        joined = torch.stack([part.view(batch, heads, length, size).transpose(1, 2) for part in parts], 2)
        return joined.reshape(batch * length, -1)

    def _soften(self, g: Tensor) -> Tensor:
        """p (g - sum p g): the derivative of the softmax, which is its own transpose."""
        found: Tensor = aten._softmax_backward_data(g, self.p, -1, g.dtype)
        return found

    def back(self, g: Tensor) -> Tensor:
        (self.g,) = self._split(g)
        self.g_p = torch.bmm(self.g, self.v.mT)
        self.g_s = self._soften(self.g_p)
        return self._join(torch.bmm(self.g_s, self.k), torch.bmm(self.g_s.mT, self.q), torch.bmm(self.p.mT, self.g))

    def push(self, d_qkv: Tensor) -> Tensor:
        self.dq, self.dk, self.dv = self._split(d_qkv)
        self.dp = self._soften(torch.bmm(self.dq, self.k.mT).baddbmm_(self.q, self.dk.mT))
        return self._join(torch.bmm(self.dp, self.v).baddbmm_(self.p, self.dv))

    def push_back(self, dg: Tensor) -> Tensor:
        (dg,) = self._split(dg)
        d_gp = torch.bmm(dg, self.v.mT).baddbmm_(self.g, self.dv.mT)
        # The softmax's second derivative: dp (g_p - sum p g_p) - p sum dp g_p, beside the first one's.
        inner = torch.linalg.vecdot(self.p, self.g_p)[..., None]
        d_gs = self._soften(d_gp).addcmul_(self.dp, self.g_p - inner)
        d_gs.addcmul_(self.p, torch.linalg.vecdot(self.dp, self.g_p)[..., None], value=-1)
        return self._join(
            torch.bmm(d_gs, self.k).baddbmm_(self.g_s, self.dk),
            torch.bmm(d_gs.mT, self.q).baddbmm_(self.g_s.mT, self.dq),
            torch.bmm(self.dp.mT, self.g).baddbmm_(self.p.mT, dg),
        )


class _Layer:
    """A decoder layer; parameters are looked up under its prefix."""

    def __init__(self, p: dict[str, Tensor], name: str, x: Tensor, batch: int, heads: int) -> None:
        self.name, self.scale = name, (x.shape[1] // heads) ** -0.5
        self.first = _Norm.of(x, p[f"{name}.self_attn_layer_norm.weight"], p[f"{name}.self_attn_layer_norm.bias"])
        self.qkv = _Linear(*self._gather(p), self.first.out)
        self.attention = _Attention(self.qkv.out, batch, heads)
        self.mix = _Linear(*self._pair(p, "self_attn.out_proj"), self.attention.out)
        middle = x + self.mix.out
        self.second = _Norm.of(middle, *self._pair(p, "final_layer_norm"))
        self.up = _Linear(*self._pair(p, "fc1"), self.second.out)
        self.on = (self.up.out > 0).to(x.dtype)
        self.down = _Linear(*self._pair(p, "fc2"), self.up.out * self.on)
        self.out = middle + self.down.out

    def _pair(self, p: dict[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
        return p[f"{self.name}.{name}.weight"], p[f"{self.name}.{name}.bias"]

    def _gather(self, p: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        (qw, qb), (kw, kb), (vw, vb) = (self._pair(p, f"self_attn.{part}_proj") for part in "qkv")
        return torch.cat([qw * self.scale, kw, vw]), torch.cat([qb * self.scale, kb, vb])

    def _scatter(self, into: dict[str, Tensor], weight: Tensor, bias: Tensor) -> None:
        for part, w, b in zip("qkv", weight.chunk(3), bias.chunk(3), strict=True):
            scale = self.scale if part == "q" else 1.0
            torch.mul(w, scale, out=into[f"{self.name}.self_attn.{part}_proj.weight"])
            torch.mul(b, scale, out=into[f"{self.name}.self_attn.{part}_proj.bias"])

    def back(self, g: Tensor, into: dict[str, Tensor]) -> Tensor:
        inner = self.down.back(g, *self._pair(into, "fc2")).mul_(self.on)
        inner = self.up.back(inner, *self._pair(into, "fc1"))
        g = g + self.second.back(inner, into, f"{self.name}.final_layer_norm")
        inner = self.attention.back(self.mix.back(g, *self._pair(into, "self_attn.out_proj")))
        weight, bias = torch.empty_like(self.qkv.weight), torch.empty_like(inner[0])
        inner = self.qkv.back(inner, weight, bias)
        self._scatter(into, weight, bias)
        return g + self.first.back(inner, into, f"{self.name}.self_attn_layer_norm")

    def push(self, dx: Tensor, d: dict[str, Tensor]) -> Tensor:
        inner = self.first.push(dx, d, f"{self.name}.self_attn_layer_norm")
        inner = self.attention.push(self.qkv.push(inner, *self._gather(d)))
        dx = dx + self.mix.push(inner, *self._pair(d, "self_attn.out_proj"))
        inner = self.second.push(dx, d, f"{self.name}.final_layer_norm")
        inner = self.up.push(inner, *self._pair(d, "fc1")).mul_(self.on)
        return self.down.push(inner, *self._pair(d, "fc2")).add_(dx)

    def push_back(self, dg: Tensor, into: dict[str, Tensor]) -> Tensor:
        inner = self.down.push_back(dg, *self._pair(into, "fc2")).mul_(self.on)
        inner = self.up.push_back(inner, *self._pair(into, "fc1"))
        dg = dg + self.second.push_back(inner, into, f"{self.name}.final_layer_norm")
        inner = self.attention.push_back(self.mix.push_back(dg, *self._pair(into, "self_attn.out_proj")))
        weight, bias = torch.empty_like(self.qkv.weight), torch.empty_like(inner[0])
        inner = self.qkv.push_back(inner, weight, bias)
        self._scatter(into, weight, bias)
        return dg + self.first.push_back(inner, into, f"{self.name}.self_attn_layer_norm")


class _Head:
    """The tied output layer and its cross-entropy over the scored rows; (n, V) is walked as seldom as possible."""

    def __init__(self, embedding: Tensor, h: Tensor, labels: Tensor) -> None:
        self.e, self.h, self.labels = embedding, h, labels[:, None]
        logs = torch.mm(h, embedding.T).log_softmax(1)
        self.losses = -logs.gather(1, self.labels)[:, 0]
        self.p = logs.exp_()
        # Upper half: the tangent of the logits' cotangent, anew in each direction. Lower half: the cotangent p - y.
        self.both = torch.empty(2 * len(h), len(embedding), dtype=h.dtype, device=h.device)
        self.dg, self.g = self.both[: len(h)], self.both[len(h) :]
        self.g.copy_(self.p).scatter_add_(1, self.labels, torch.full_like(self.labels, -1, dtype=h.dtype))
        self.p_e = self.p @ embedding
        self.g_h = self.p_e - embedding[labels]

    def push(self, dh: Tensor, de: Tensor, dw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Tangents of the losses (n,), of h's cotangent (n, D) and of the embedding's gradient (V, D)."""
        g_de = self.g @ de
        d_losses = torch.linalg.vecdot(dh, self.g_h) + torch.linalg.vecdot(self.h, g_de)
        # sum_v p dz, without the logits' tangent dz: what the softmax's derivative takes off it.
        mean = torch.linalg.vecdot(dh, self.p_e) + torch.linalg.vecdot(self.h, g_de + de[self.labels[:, 0]])
        torch.addmm((dw - mean)[:, None], torch.cat([dh, self.h], 1), torch.cat([self.e, de], 1).T, out=self.dg)
        self.dg.mul_(self.p).scatter_add_(1, self.labels, -dw[:, None])
        return d_losses, g_de.addmm_(self.dg, self.e), (torch.cat([self.h, dh]).T @ self.both).T


class OptProducts(Products):
    """`Products` of an OPT as `build_model` makes it: tied embedding, ReLU, norms first, no dropout."""

    def __init__(self, spec: ModelSpec, layout: Layout, elements: int = 2**20) -> None:
        self.spec, self.layout, self.elements = spec, layout, elements

    @torch.no_grad()
    def __call__(self, theta: Tensor, examples: Examples, dtheta: Tensor, dw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `Products` says; sequences go in blocks of at most ``elements`` logits, which stay in the cache."""
        g, dg = torch.zeros_like(theta), torch.zeros_like(dtheta)
        d_losses = torch.empty_like(dw)
        vocabulary = self.layout.shapes["model.decoder.embed_tokens.weight"][0]
        rows = max(1, self.elements // (vocabulary * examples.tokens.shape[1]))
        for start in range(0, len(examples), rows):
            part = slice(start, start + rows)
            self._block(theta, examples[part], dtheta, dw[:, part], g, dg, d_losses[:, part])
        return g.div_(examples.count), dg.div_(examples.count), d_losses.div_(examples.count)

    def _block(
        self,
        theta: Tensor,
        examples: Examples,
        dtheta: Tensor,
        dw: Tensor,
        g: Tensor,
        dg: Tensor,
        d_losses: Tensor,
    ) -> None:
        tokens, (batch, length) = examples.tokens, examples.tokens.shape
        p, base = self.layout.views(theta), "model.decoder"
        scored = examples.scored[:, 1:].nonzero()
        rows, labels, sequence = scored[:, 0] * length + scored[:, 1], tokens[:, 1:][tuple(scored.T)], scored[:, 0]
        kept = (tokens.flatten() != PAD)[:, None].to(theta.dtype)  # the padding's embedding is never trained as input
        embedding = p[f"{base}.embed_tokens.weight"]

        def embed(p: dict[str, Tensor]) -> Tensor:
            places = p[f"{base}.embed_positions.weight"][OFFSET : OFFSET + length]
            return (p[f"{base}.embed_tokens.weight"][tokens] + places).flatten(0, 1)

        def unembed(g: Tensor, into: dict[str, Tensor]) -> None:
            into[f"{base}.embed_tokens.weight"].index_add_(0, tokens.flatten(), g * kept)
            torch.sum(g.view(batch, length, -1), 0, out=into[f"{base}.embed_positions.weight"][OFFSET:][:length])

        x, layers = embed(p), []
        for index in range(self.spec.layers):
            layers.append(_Layer(p, f"{base}.layers.{index}", x, batch, self.spec.heads))
            x = layers[-1].out
        last = _Norm.of(x, p[f"{base}.final_layer_norm.weight"], p[f"{base}.final_layer_norm.bias"])
        head = _Head(embedding, last.out[rows], labels)

        flat = torch.zeros_like(theta)
        into = self.layout.views(flat)
        torch.mm(head.g.T, head.h, out=into[f"{base}.embed_tokens.weight"])
        back = last.back(torch.zeros_like(x).index_copy_(0, rows, head.g_h), into, f"{base}.final_layer_norm")
        for layer in reversed(layers):
            back = layer.back(back, into)
        unembed(back, into)
        g += flat

        for index in range(len(dtheta)):
            d = self.layout.views(dtheta[index])
            x = embed(d)
            for layer in layers:
                x = layer.push(x, d)
            x = last.push(x, d, f"{base}.final_layer_norm")
            losses, back, into[f"{base}.embed_tokens.weight"][:] = head.push(
                x[rows], d[f"{base}.embed_tokens.weight"], dw[index][sequence]
            )
            d_losses[index].zero_().index_add_(0, sequence, losses)
            back = last.push_back(torch.zeros_like(x).index_copy_(0, rows, back), into, f"{base}.final_layer_norm")
            for layer in reversed(layers):
                back = layer.push_back(back, into)
            unembed(back, into)
            dg[index] += flat
