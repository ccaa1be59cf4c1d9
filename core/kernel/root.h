/* Square and cube root, and the hypotenuse: see maths.h for what holds of all of them.
 *
 * The square root is rounded correctly: by the processor's instruction, or, where there is none,
 * digit by digit as by hand, two bits of the number for each of the root. The cube root begins with
 * a parabola, takes four steps of Newton, and corrects the last one by what is left of the number
 * when the cube, as a pair, is taken away. */
#ifndef VELUM_KERNEL_ROOT_H
#define VELUM_KERNEL_ROOT_H

double root_square(double x);
/* The same without the instruction: for processors that have none, and for the test. */
double root_square_by_digits(double x);
double root_cube(double x);
/* sqrt(x^2 + y^2), which neither overflows nor is lost on the way. */
double root_hypot(double x, double y);

#endif
