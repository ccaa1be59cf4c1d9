/* Exponential, logarithms and power: see maths.h for what holds of all of them.
 *
 * log: x = 2^k m with m from sqrt(1/2) to sqrt(2), f = m - 1, which is exact, s = f / (2 + f), and
 * log m = 2 artanh s = 2 (s + s^3/3 + s^5/5 + ...), the series of Gregory (1668); s^2 is below
 * 0.0295, and the coefficients are 1/n, rounded. What is left of s after its division is kept, so
 * that nothing but the terms behind the first is rounded. For pow the first three terms are
 * computed in pairs as well, which leaves an error of about 2^-68.
 *
 * exp: x = k log 2 + r with r from -0.35 to 0.35, by the two-part constant of Cody and Waite,
 * "Software Manual for the Elementary Functions" (1980), and the series of Taylor to r^14. */
#ifndef VELUM_KERNEL_POWER_H
#define VELUM_KERNEL_POWER_H

double power_exp(double x);
double power_log(double x);
double power_log2(double x);
double power_log10(double x);
double power_pow(double x, double y);

#endif
