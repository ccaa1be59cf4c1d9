/* Sine, cosine, tangent and the angle of a point: see maths.h for what holds of all of them.
 *
 * Angles of any size are reduced to a quarter turn in whole numbers, after Payne and Hanek,
 * "Radian reduction for trigonometric functions", SIGNUM 18 (1983): of 2/pi only those 192 bits are
 * multiplied that matter at the angle's size, so that the rest is good to more than 100 bits even
 * where it is as near to 0 as that of a double can be, 2^-62. Then the series of Taylor, with r as
 * a pair and r^2 exact.
 *
 * The angle of a point: the ratio of its lesser coordinate to the greater one is taken to within
 * 1/32 of j/16 by the formula of the difference of two tangents; the arc tangents of j/16 are a
 * table of pairs, the rest is the series of Gregory. The angle of a sine is that of the point whose
 * other coordinate is sqrt(1 - x^2), as a pair. */
#ifndef VELUM_KERNEL_ANGLE_H
#define VELUM_KERNEL_ANGLE_H

double angle_sin(double x);
double angle_cos(double x);
double angle_tan(double x);
double angle_atan2(double y, double x);
double angle_asin(double x);
double angle_acos(double x);

#endif
