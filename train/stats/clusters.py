"""How many different things were tried: clusters of trials whose returns move together.

Lopez de Prado and Lewis, Detection of False Investment Strategies Using Unsupervised Learning
Methods (2019), Quantitative Finance 19(9), count clusters of trials by correlation distance and
silhouettes. Here the clusters are those of average linkage instead of k-means, which needs no
random starts; Rousseeuw, Silhouettes (1987), J. of Computational and Applied Mathematics 20.
"""

import numpy as np

from envs.arrays import Float64, Int64

ONE_CLUSTER = 0.5  # distance of correlation 0.5: trials that all fuse below it are one


def effective_trials(returns: Float64) -> int:
    """Number of clusters of trials, 1..N, of daily returns (N, D) without NaN.

    The number of clusters with the highest mean silhouette; one where average linkage joins all
    trials below the distance of correlation 0.5; N where no number has a silhouette above 0.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    trials = len(returns)
    if trials < 2:
        return trials
    distances = correlation_distances(returns)
    tree = linkage(squareform(distances, checks=False), method="average")
    if tree[-1, 2] < ONE_CLUSTER:
        return 1
    best, clusters = 0.0, trials
    for count in range(2, trials):
        labels = fcluster(tree, count, criterion="maxclust").astype(np.int64)
        quality = mean_silhouette(distances, labels)
        if quality > best:
            best, clusters = quality, len(np.unique(labels))
    return clusters


def correlation_distances(returns: Float64) -> Float64:
    """`sqrt((1 - rho) / 2)`, (N, N); a trial that never moves correlates with none but itself."""
    centred = returns - returns.mean(axis=1, keepdims=True)
    length = np.sqrt(np.sum(centred**2, axis=1))  # (N,)
    unit = centred / np.where(length > 0.0, length, 1.0)[:, None]
    rho = np.clip(unit @ unit.T, -1.0, 1.0)
    np.fill_diagonal(rho, 1.0)
    distances: Float64 = np.sqrt((1.0 - rho) / 2.0)
    return distances


def mean_silhouette(distances: Float64, labels: Int64) -> float:
    """Mean of `(b - a) / max(a, b)`: a within the own cluster, b to the nearest other; 0 if alone.

    Args:
        distances: (N, N), symmetric.
        labels: (N,), at least two different ones.
    """
    names, own = np.unique(labels, return_inverse=True)
    sizes = np.bincount(own).astype(np.float64)  # (K,)
    order = np.argsort(own, kind="stable")
    starts = np.searchsorted(own[order], np.arange(len(names)))
    sums = np.add.reduceat(distances[:, order], starts, axis=1)  # (N, K)
    rows = np.arange(len(labels))
    companions = sizes[own] - 1.0
    within = sums[rows, own] / np.maximum(companions, 1.0)
    across = sums / sizes
    across[rows, own] = np.inf
    nearest = across.min(axis=1)
    widest = np.maximum(within, nearest)
    scored = (companions > 0.0) & (widest > 0.0)
    scores = np.where(scored, (nearest - within) / np.where(scored, widest, 1.0), 0.0)
    return float(np.mean(scores))
