/* For kernels in C, in place of the machine's. Their result is the same on every machine: IEEE 754
 * fixes it to the last bit, or Velum computes it, as the table `maths` of velum_kernel.h says. */
#ifndef VELUM_SNIPPET_MATH_H
#define VELUM_SNIPPET_MATH_H

#define HUGE_VALF 1e39F
#define HUGE_VAL 1e309
#define INFINITY HUGE_VALF
#define NAN (INFINITY - INFINITY)

#define isnan(x) ((x) != (x))
#define isinf(x) ((x) == INFINITY || (x) == -INFINITY)
#define isfinite(x) ((x) - (x) == 0)

#define M_E 2.7182818284590452354
#define M_LOG2E 1.4426950408889634074
#define M_LOG10E 0.43429448190325182765
#define M_LN2 0.69314718055994530942
#define M_LN10 2.30258509299404568402
#define M_PI 3.14159265358979323846
#define M_PI_2 1.57079632679489661923
#define M_PI_4 0.78539816339744830962
#define M_SQRT2 1.41421356237309504880
#define M_SQRT1_2 0.70710678118654752440

double sqrt(double);
double fabs(double);
double floor(double);
double ceil(double);
double trunc(double);
double round(double);
double fmod(double, double);
double copysign(double, double);
double cbrt(double);
double exp(double);
double exp2(double);
double log(double);
double log2(double);
double pow(double, double);
double sin(double);
double cos(double);
double tan(double);
double atan(double);
double atan2(double, double);
double asin(double);
double acos(double);
double log10(double);
double hypot(double, double);
double fmin(double, double);
double fmax(double, double);
float sqrtf(float);
float fabsf(float);
float floorf(float);
float ceilf(float);
float truncf(float);
float roundf(float);
float fmodf(float, float);
float copysignf(float, float);
float fminf(float, float);
float fmaxf(float, float);
float cbrtf(float);
float expf(float);
float exp2f(float);
float logf(float);
float log2f(float);
float log10f(float);
float powf(float, float);
float sinf(float);
float cosf(float);
float tanf(float);
float asinf(float);
float acosf(float);
float atanf(float);
float atan2f(float, float);
float hypotf(float, float);

/* Compilers that make an instruction of these do so by this name only. */
#ifdef VELUM_BUILT
#define sqrt(x) __builtin_sqrt(x)
#define sqrtf(x) __builtin_sqrtf(x)
#define fabs(x) __builtin_fabs(x)
#define fabsf(x) __builtin_fabsf(x)
#define copysign(x, y) __builtin_copysign(x, y)
#define copysignf(x, y) __builtin_copysignf(x, y)
#endif

#endif
